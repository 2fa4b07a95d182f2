/**
 * What may become part of a question: letters, digits and `-_/=` (the characters that Consul was seen to answer), at most 63 bytes
 * between two dots. A text that passes here cannot smuggle a further label into a name.
 */
import { InvalidNameError } from '../errors.ts';
import { isKind } from './name-kinds.ts';

/** @throws InvalidNameError */
export function label(what: string, value: unknown): string {
  if (typeof value !== 'string') {
    throw new InvalidNameError(
      `A ${what} name must be a string, not ${value === null ? 'null' : typeof value}.`,
    );
  }
  if (value === '') throw new InvalidNameError(`A ${what} name (or a part of it between dots) is empty.`);
  if (!/^[A-Za-z0-9_/=-]+$/.test(value)) {
    throw new InvalidNameError(
      `The ${what} name ${quote(value)} has a character that Consul's DNS does not answer; letters, digits and - _ / = are safe.`,
    );
  }
  if (value.length > 63) {
    throw new InvalidNameError(
      `The ${what} name ${quote(value)} has ${value.length} bytes; a DNS label holds 63, so no question can ask for it.`,
    );
  }
  return value;
}

/** Several labels that Consul joins again: tags, prepared queries and nodes may have dots. */
export function dotted(what: string, value: unknown): string {
  if (typeof value !== 'string') return label(what, value);
  return value
    .split('.')
    .map((part) => label(what, part))
    .join('.');
}

/**
 * A label right of the kind. Consul reads names from their right end, so one that looks like a kind, or in SRV questions like the
 * `_tcp` of RFC 2782, would be taken for that and turn the name into another.
 */
export function placeLabel(what: string, value: unknown): string {
  const name = label(what, value);
  if (isKind(name.toLowerCase())) {
    throw new InvalidNameError(
      `${quote(name)} cannot be a ${what} here: Consul would take it for a kind of lookup.`,
    );
  }
  if (name.startsWith('_')) {
    throw new InvalidNameError(
      `${quote(name)} cannot be a ${what} here: Consul would take the underscore for the beginning of an RFC 2782 name.`,
    );
  }
  return name;
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}
