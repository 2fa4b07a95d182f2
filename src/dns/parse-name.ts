import { InvalidNameError } from '../errors.ts';
import { ipFromHex } from './addr-name.ts';
import { checkName, serviceLabel, whyNoDots } from './check-name.ts';
import { placeLabel, quote } from './label.ts';
import { isKind, type Kind, kinds, type ServiceName } from './name-kinds.ts';
import { readPlace } from './name-place.ts';

/** Ends the canonical name of an ordered prepared query; `;` is no character of names. */
export const orderedMark = ';ordered';

/**
 * Reads a name as Consul does: the domain off, then from the right end to the first label that is a kind.
 *
 * @throws InvalidNameError
 */
export function parseName(input: string, domain: string): ServiceName {
  const ordered = input.endsWith(orderedMark);
  const text = (ordered ? input.slice(0, -orderedMark.length) : input).replace(/\.$/, '');
  if (!text.includes('.')) return { service: serviceLabel(input.replace(/\.$/, '')) };
  if (!text.toLowerCase().endsWith(`.${domain.toLowerCase()}`)) {
    throw new InvalidNameError(
      `${quote(input)} is neither a bare service name nor a full name that ends in .${domain}. ${whyNoDots(text)}`,
    );
  }
  const labels = text.slice(0, -domain.length - 1).split('.');
  const at = labels.findLastIndex((part) => isKind(part.toLowerCase()));
  const kind = labels[at]?.toLowerCase() as Kind | undefined;
  if (ordered && kind !== 'query') {
    throw new InvalidNameError(`${quote(input)}: only prepared queries have an order to keep.`);
  }
  if (kind === undefined) return fromShortRfc2782(input, labels);
  const parts = labels.slice(0, at);
  if (parts.length === 0) throw new InvalidNameError(`${quote(input)} names nothing in front of .${kind}.`);
  const right = labels.slice(at + 1);
  if (kind === 'addr') return fromAddr(input, parts, right);
  const place = readPlace(input, kind, right);
  switch (kind) {
    case 'query':
      return checkName({ query: withoutRfc2782(parts).join('.'), ...place, ordered });
    case 'node':
      return checkName({ node: parts.join('.'), ...place });
    case 'service': {
      if (isRfc2782(parts)) return fromRfc2782(parts, place);
      const tag = parts.slice(0, -1).join('.');
      return checkName({ service: parts.at(-1), ...(parts.length > 1 && { tag }), ...place });
    }
    default:
      if (parts.length === 1) return checkName({ [kind]: parts[0], ...place });
      throw new InvalidNameError(
        `${quote(input)} has ${quote(parts.slice(0, -1).join('.'))} in front of the service: Consul ignores tags in .${kind} names and answers with all instances. Write ${parts.at(-1)}.${kind}.${[...right, domain].join('.')}.`,
      );
  }
}

/** `_web._tcp[.dc]`: RFC 2782 names may leave the label `service` out. */
function fromShortRfc2782(input: string, labels: readonly string[]): ServiceName {
  const parts = labels.slice(0, 2);
  if (!isRfc2782(parts)) {
    throw new InvalidNameError(
      `${quote(input)} does not say what it names: write ${labels.join('.')}.service.… for a service or ….query.… for a prepared query; other kinds are ${kinds.slice(2).join(', ')}.`,
    );
  }
  return fromRfc2782(parts, readPlace(input, 'service', labels.slice(2)));
}

function isRfc2782(parts: readonly string[]): boolean {
  return parts.length === 2 && parts.every((part) => part.startsWith('_'));
}

/** The second part is a tag, whatever RFC 2782 calls it; only `_tcp` means "no tag" to Consul. */
function fromRfc2782(parts: readonly string[], place: object): ServiceName {
  const [service, tag] = parts.map((part) => part.slice(1));
  return checkName({ service, ...(tag?.toLowerCase() !== 'tcp' && { tag }), ...place });
}

function withoutRfc2782(parts: readonly string[]): readonly string[] {
  return wrapped(parts) ? [parts[0]!.slice(1), ...parts.slice(1, -1)] : parts;
}

/** Read by Consul ≥ 1.15 as a prepared query (all but the last part, without the first underscore) and a protocol. */
export function wrapped(parts: readonly string[]): boolean {
  return parts.length > 1 && parts[0]!.startsWith('_') && parts.at(-1)!.startsWith('_');
}

/** Consul computes the answer from the digits, whatever stands behind. */
function fromAddr(input: string, parts: readonly string[], right: readonly string[]): ServiceName {
  for (const part of right) placeLabel('datacenter', part);
  const addr = parts.length === 1 ? ipFromHex(parts[0]!) : undefined;
  if (addr !== undefined) return { addr };
  throw new InvalidNameError(
    `${quote(input)} is no address: expected 8 (IPv4) or 32 (IPv6) hexadecimal digits in front of .addr.`,
  );
}
