/** The right side of a name: where to look. `.dc2`, or pairs of value and kind: `.admin.port.ns1.ns.ap1.ap.dc2.dc`. */
import { InvalidNameError } from '../errors.ts';
import { placeLabel, quote } from './label.ts';
import type { Kind, ServiceName } from './name-kinds.ts';

export interface Place {
  readonly port?: string;
  readonly namespace?: string;
  readonly partition?: string;
  readonly peer?: string;
  readonly datacenter?: string;
}

/** In the order in which Consul's documentation writes them. */
export const placeKeys = ['port', 'namespace', 'partition', 'peer', 'datacenter'] as const;

/** The label behind a value that says what it is. */
const words = { port: 'port', namespace: 'ns', partition: 'ap', peer: 'peer', datacenter: 'dc' } as const;

/** `''`, or labels that begin with a dot. A datacenter alone stands without its word: so every version understands it. */
export function placeSuffix(name: ServiceName): string {
  const place: Place = name as Place;
  let suffix = '';
  for (const key of placeKeys) {
    if (place[key] === undefined) continue;
    suffix += key === 'datacenter' && suffix === '' ? `.${place[key]}` : `.${place[key]}.${words[key]}`;
  }
  return suffix;
}

/**
 * @param labels what stood between the kind and the domain.
 * @throws InvalidNameError
 */
export function readPlace(input: string, kind: Kind, labels: readonly string[]): Place {
  const [only] = labels;
  if (only === undefined) return {};
  // Virtual addresses have no datacenter, so a label alone is a peer.
  if (labels.length === 1) return kind === 'virtual' ? { peer: only } : { datacenter: only };
  const place: Partial<Record<keyof Place, string>> = {};
  for (let at = 0; at < labels.length; at += 2) {
    const word = labels[at + 1]?.toLowerCase();
    if (word === 'sg') {
      throw new InvalidNameError(
        `${quote(input)} names a sameness group (.sg), which is not supported: list the datacenters or peers to fail over to.`,
      );
    }
    const key = placeKeys.find((one) => words[one] === word);
    if (key === undefined) {
      throw new InvalidNameError(
        `${quote(input)} has ${quote(labels.join('.'))} where only a place can stand: a datacenter (….${kind}.dc2.…), or pairs of a value and one of .port, .ns, .ap, .peer, .dc (….${kind}.p1.peer.…).`,
      );
    }
    if (place[key] !== undefined) throw new InvalidNameError(`${quote(input)} says its ${key} twice.`);
    place[key] = labels[at]!;
  }
  return place;
}

/** The checked place of a typed name. */
export function checkPlace(given: Readonly<Record<string, unknown>>): Place {
  const place: Partial<Record<keyof Place, string>> = {};
  for (const key of placeKeys) {
    if (given[key] === undefined) continue;
    place[key] = key === 'port' ? portName(given[key]) : placeLabel(key, given[key]);
  }
  if (place.peer !== undefined && place.datacenter !== undefined) {
    throw new InvalidNameError(
      `A peer (${quote(place.peer)}) and a datacenter (${quote(place.datacenter)}) exclude each other: Consul answers that no such name exists. A peer is a cluster of its own; leave the datacenter out.`,
    );
  }
  return place;
}

/** Consul lower-cases the question and compares it with the registered name as that is spelt. */
function portName(value: unknown): string {
  if (typeof value === 'number') {
    throw new InvalidNameError(
      `The port of a name is the NAME of one of several ports, like { service: 'web', port: 'admin' }; the number ${value} goes into the options, as { port: ${value} }.`,
    );
  }
  const name = placeLabel('port', value);
  if (name !== name.toLowerCase()) {
    throw new InvalidNameError(
      `The port name ${quote(name)} has capital letters: Consul's DNS asks for ${quote(name.toLowerCase())} and never finds a port that is registered as ${quote(name)}. Register it in lower case, and write it so.`,
    );
  }
  return name;
}
