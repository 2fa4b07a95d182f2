import { type Check, entriesOf, fields, flag, number, refuse, text } from '../../checks.ts';
import { inPath } from '../path.ts';
import { checkHealthCheck, type HealthCheck } from './health-check.ts';

/** An instance of a service, as whoever runs it describes it. */
export interface RegistrationDefinition {
  /** What callers ask for. */
  readonly name: string;
  /** 1…65 535 */
  readonly port: number;
  /**
   * Where callers reach it, an IP address or a host name. Default: found. An agent on this host is left to say its own advertised address; for
   * one elsewhere it is the local address from which it is reached.
   */
  readonly address?: string;
  /** Default: made of name, host name, address, port and process id; the same for as long as this process lives. */
  readonly id?: string;
  readonly tags?: readonly string[];
  /** At most 64 keys of letters, digits, `-` and `_`, of 128 characters; values of 512. */
  readonly meta?: Readonly<Record<string, string>>;
  /** Shares while passing, 1…65 535, and while warning, 0…65 535. Default 1 each. */
  readonly weights?: { readonly passing?: number; readonly warning?: number };
  /** Speaks TLS: checks given by a path are made with it. Default `false`. */
  readonly secure?: boolean;
  /** Lets others change the tags in the catalogue. Default `false`. */
  readonly enableTagOverride?: boolean;
  /** None: the instance counts as passing for as long as its node does. */
  readonly check?: HealthCheck;
  readonly checks?: readonly HealthCheck[];
}

/** Checked and complete but for what has to be found. */
export interface CompleteDefinition extends Omit<RegistrationDefinition, 'check'> {
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly secure: boolean;
  readonly enableTagOverride: boolean;
  readonly checks: readonly HealthCheck[];
}

const checkDefinition = fields({
  name,
  port: number(1, 65_535, { whole: true }),
  address,
  id: name,
  tags: listOf(text),
  meta,
  weights: fields({
    passing: number(1, 65_535, { whole: true }),
    warning: number(0, 65_535, { whole: true }),
  }),
  secure: flag,
  enableTagOverride: flag,
  check: checkHealthCheck,
  checks: listOf(checkHealthCheck),
});

/** @throws InvalidOptionError */
export function completeDefinition(given: unknown, path = 'register'): CompleteDefinition {
  const { check, checks, ...rest } = checkDefinition(given, path) as RegistrationDefinition;
  if (rest.name === undefined) refuse(`${path}.name`, 'a name', undefined);
  if (rest.port === undefined) refuse(`${path}.port`, 'a port', undefined);
  if (check !== undefined && checks !== undefined) refuse(path, 'check or checks', 'both');
  const all = checks ?? (check === undefined ? [] : [check]);
  const ids = all.flatMap(({ id }) => id ?? []);
  if (new Set(ids).size < ids.length) refuse(`${path}.checks`, 'an id of its own for each', ids);
  return {
    ...rest,
    tags: rest.tags ?? [],
    meta: rest.meta ?? {},
    weights: { passing: rest.weights?.passing ?? 1, warning: rest.weights?.warning ?? 1 },
    secure: rest.secure ?? false,
    enableTagOverride: rest.enableTagOverride ?? false,
    checks: all,
  };
}

function name(value: unknown, path: string): string {
  inPath(value, path);
  return value as string;
}

function address(value: unknown, path: string): string {
  const given = text(value, path);
  // Listening everywhere is no place to be reached at; Consul refuses it too.
  if (/^(0\.0\.0\.0|\[?::\]?)$/.test(given)) return refuse(path, 'an address that callers can reach', value);
  return /^[\w.:-]+$/.test(given) ? given : refuse(path, 'an IP address or a host name', value);
}

function meta(value: unknown, path: string): Record<string, string> {
  const all = entriesOf(value, path);
  if (all.length > 64) return refuse(path, 'at most 64 keys', all.length);
  for (const [key, given] of all) {
    if (!/^[\w-]{1,128}$/.test(key)) refuse(path, 'keys of letters, digits, - and _', key);
    if (typeof given !== 'string' || given.length > 512)
      refuse(`${path}.${key}`, 'a string of at most 512 characters', given);
  }
  return Object.fromEntries(all) as Record<string, string>;
}

function listOf<T>(check: Check<T>): Check<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) ? value.map((one, i) => check(one, `${path}[${i}]`)) : refuse(path, 'a list', value);
}
