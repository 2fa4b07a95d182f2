import { isIP } from 'node:net';
import { InvalidOptionError } from '../errors.ts';

/** A DNS server to ask. */
export interface ServerAddress {
  /** IP literal without brackets, or a host name that the system resolves. */
  readonly host: string;
  readonly port: number;
  /** `host:port` as people write it. */
  readonly text: string;
  /** On this machine, where a UDP datagram of any size arrives whole. */
  readonly loopback: boolean;
}

/**
 * Reads `host:port`, `host` (port 8600), `[::1]:8600` or `::1`.
 * @throws InvalidOptionError
 */
export function parseServerAddress(text: unknown, option = 'servers'): ServerAddress {
  if (typeof text !== 'string') {
    throw new InvalidOptionError(`${option}: expected strings like '127.0.0.1:8600', got ${typeof text}.`);
  }
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = isIP(text) === 6 ? [text, text, undefined] : /^([^:[\]\s/]+)(?::(\d+))?$/.exec(text);
  const [, host, digits] = bracketed ?? plain ?? [];
  const port = digits === undefined ? 8600 : Number(digits);
  const hostFits = host !== undefined && (bracketed ? isIP(host) === 6 : isIP(host) > 0 || isHostName(host));
  if (!hostFits || port < 1 || port > 65535) {
    throw new InvalidOptionError(
      `${option}: ${JSON.stringify(text)} is not a server address; expected 'host:port' with a port of 1…65535, IPv6 in brackets: '127.0.0.1:8600', '[::1]:8600'.`,
    );
  }
  const shown = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  return { host, port, text: shown, loopback: isLoopback(host) };
}

/** A last label of digits alone would be a mistyped IPv4 address (RFC 3696, section 2). */
function isHostName(host: string): boolean {
  return /^(?!.*\.\d+$)(?!\d+$)[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?$/.test(host);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
