import { InvalidOptionError } from '../errors.ts';

/** A name as it may stand in a path of the API. @throws InvalidOptionError for an empty one and for control characters. */
export function inPath(value: unknown, path: string): string {
  return encodeURIComponent(plain(value, path));
}

/** A key of the KV store: its slashes stay. */
export function keyInPath(value: unknown, path: string): string {
  const key = plain(value, path);
  if (key.startsWith('/')) {
    throw new InvalidOptionError(
      `${path}: Consul's keys do not begin with a slash: ${JSON.stringify(key)}. Write ${JSON.stringify(key.replace(/^\/+/, ''))}.`,
    );
  }
  return prefixInPath(key);
}

/** The same where everything below it is meant: `''` is the whole store. */
export function prefixInPath(value: string): string {
  return value.split('/').map(encodeURIComponent).join('/');
}

function plain(value: unknown, path: string): string {
  // A dot segment would be taken out of the URL on its way, and name something else.
  const fits =
    typeof value === 'string' &&
    value !== '' &&
    !/[\p{Cc}]/u.test(value) &&
    !value.split('/').some((part) => part === '.' || part === '..');
  if (fits) return value;
  throw new InvalidOptionError(
    `${path}: expected a name without control characters and dot segments, got ${JSON.stringify(value)}.`,
  );
}
