import { InvalidOptionError } from '../errors.ts';

/** Consul refuses whatever else stands in a path, without a word why. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/** A name as it may stand in a path of the API. @throws InvalidOptionError for an empty one and for what cannot be printed. */
export function inPath(value: unknown, path: string): string {
  return encodeURIComponent(plain(value, path));
}

/** A key of the KV store: its slashes stay. @throws InvalidOptionError */
export function keyInPath(value: unknown, path: string): string {
  const key = plain(value, path);
  // Consul would redirect to another key, or not, depending on its version.
  const wrong = key.startsWith('/') ? 'begin with a slash' : key.includes('//') ? 'have two in a row' : '';
  if (wrong === '') return key.split('/').map(encodeURIComponent).join('/');
  const meant = key.replace(/^\/+/, '').replace(/\/{2,}/g, '/');
  throw new InvalidOptionError(
    `${path}: Consul's keys do not ${wrong}: ${JSON.stringify(key)}. Write ${JSON.stringify(meant)}.`,
  );
}

/** The beginning of keys: `''` is that of all. @throws InvalidOptionError */
export function prefixInPath(value: unknown, path: string): string {
  return value === '' ? '' : keyInPath(value, path);
}

function plain(value: unknown, path: string): string {
  // A dot segment would be taken out of the URL on its way, and name something else.
  const fits =
    typeof value === 'string' &&
    printable.test(value) &&
    !value.split('/').some((part) => part === '.' || part === '..');
  if (fits) return value;
  throw new InvalidOptionError(
    `${path}: expected a name of printable characters and without dot segments, got ${JSON.stringify(value)}.`,
  );
}
