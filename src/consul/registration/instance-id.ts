import { hostname } from 'node:os';

/** Where an instance is, as far as it is told apart from others by it. */
export interface Place {
  readonly name: string;
  readonly address: string | undefined;
  readonly port: number;
}

/**
 * The id of an instance that was given none: `web-host1-8080-4711`, with the address after the host where one is said. Two processes never
 * have the same, a process always has the same, and a container, whose process id is the same each time, replaces what it left behind.
 */
export function instanceId(place: Place, pid: number = process.pid): string {
  return `${prefixOf(place)}${pid}`;
}

/** The process id in an id that was made so for the same place; `undefined` for all other ids. */
export function processOf(id: string, place: Place): number | undefined {
  const prefix = prefixOf(place);
  const rest = id.startsWith(prefix) ? id.slice(prefix.length) : '';
  return /^\d{1,10}$/.test(rest) ? Number(rest) : undefined;
}

function prefixOf({ name, address, port }: Place): string {
  const parts = [name, hostname(), ...(address === undefined ? [] : [address]), port];
  return `${parts.join('-')}-`;
}
