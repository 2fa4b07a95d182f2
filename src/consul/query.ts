import type { ConsulSettings } from './options.ts';
import type { QueryValue, RequestOptions } from './request-options.ts';

/** Reads whose consistency is the client's, where nothing else is said. */
const reading = new Set(['GET', 'HEAD']);
const levels = ['stale', 'consistent'];

/** What is asked for, with what the client adds to every request. */
export function pathAndQuery(
  method: string,
  path: string,
  { query = {}, consistency }: RequestOptions,
  settings: Pick<ConsulSettings, 'datacenter' | 'namespace' | 'partition' | 'consistency'>,
): string {
  const written = new URLSearchParams(path.split('?')[1] ?? '');
  const all: Record<string, QueryValue> = {};
  const usual = (name: string, value: QueryValue) => {
    if (!written.has(name)) all[name] = value;
  };
  usual('ns', settings.namespace);
  usual('partition', settings.partition);
  // The agent's own state is of no datacenter and always fresh.
  if (!path.startsWith('/v1/agent/')) {
    usual('dc', settings.datacenter);
    const level = consistency ?? (reading.has(method) ? settings.consistency : 'default');
    // Consul refuses a question for both.
    const said = levels.some((name) => written.has(name) || (query[name] ?? false) !== false);
    if (level !== 'default' && !said) all[level] = true;
  }
  for (const [name, value] of Object.entries(query)) if (value !== undefined) all[name] = value;
  const parts = Object.entries(all).flatMap(([name, value]) => parameters(name, value));
  if (parts.length === 0) return path;
  return `${path}${path.includes('?') ? '&' : '?'}${parts.join('&')}`;
}

function parameters(name: string, value: QueryValue): string[] {
  if (value === undefined || value === false) return [];
  const key = encodeURIComponent(name);
  if (value === true) return [key];
  const values = Array.isArray(value) ? value : [value];
  return values.map((one) => `${key}=${encodeURIComponent(String(one))}`);
}

/** Consul's own, where a blocking query does not say how long to wait. */
const usualWait = 300_000;
const longestWait = 600_000;
const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

/**
 * Milliseconds that Consul may hold the question: its wait, and up to a sixteenth of it by which Consul spreads the answers. 0 where it
 * is no blocking query.
 */
export function heldFor(pathAndQuery: string): number {
  const query = new URLSearchParams(pathAndQuery.split('?')[1] ?? '');
  if (Number(query.get('index') ?? 0) === 0 && !query.get('hash')) return 0;
  const wait = durationOf(query.get('wait') ?? '') || usualWait;
  return Math.min(wait, longestWait) * (17 / 16);
}

/** Go's notation: `1m30s`, `500ms`. */
function durationOf(text: string): number {
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(h|ms|us|ns|m|s)/g))
    sum += Number(amount) * units[unit!]!;
  return sum;
}
