/** Addresses as Consul writes them into names: 8 or 32 hexadecimal digits. */
import { isIP } from 'node:net';
import { InvalidNameError } from '../errors.ts';
import { ipText } from '../ip.ts';
import { quote } from './label.ts';

/** @returns the address in its one canonical spelling, or `undefined` for what is no address. */
export function ipFromHex(digits: string): string | undefined {
  if (/^[0-9a-f]{8}$/i.test(digits)) {
    const bits = Number.parseInt(digits, 16);
    return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
  }
  if (/^[0-9a-f]{32}$/i.test(digits)) return ipText(digits.replace(/.{4}(?!$)/g, '$&:'));
  return undefined;
}

/** @param ip checked by `checkIp`. */
export function hexFromIp(ip: string): string {
  if (isIP(ip) === 4) {
    return ip
      .split('.')
      .map((byte) => Number(byte).toString(16).padStart(2, '0'))
      .join('');
  }
  const [left = '', right] = ipText(ip)
    .split('::')
    .map((half) =>
      half
        .split(':')
        .filter(Boolean)
        .map((group) => group.padStart(4, '0'))
        .join(''),
    );
  return right === undefined ? left : left + right.padStart(32 - left.length, '0');
}

/** @throws InvalidNameError */
export function checkIp(value: unknown): string {
  if (typeof value === 'string' && isIP(value) !== 0 && !value.includes('%')) return ipText(value);
  const got = typeof value === 'string' ? quote(value) : value === null ? 'null' : typeof value;
  throw new InvalidNameError(`An { addr } must be an IPv4 or IPv6 address without a zone, not ${got}.`);
}
