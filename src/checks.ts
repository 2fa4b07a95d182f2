import { InvalidOptionError } from './errors.ts';

/** Checks one option's value and returns it, completed. Throws InvalidOptionError naming `path`. */
export type Check<T> = (value: unknown, path: string) => T;

/** "{path}: expected {expected}, got {value}." */
export function refuse(path: string, expected: string, value: unknown): never {
  throw new InvalidOptionError(`${path}: expected ${expected}, got ${shown(value)}.`);
}

/** A number in [min, max]; `whole`: without fraction. Infinity only where max is Infinity. */
export function number(min: number, max: number, { whole = false } = {}): Check<number> {
  const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  return (value, path) => {
    const fits =
      typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value));
    return fits ? value : refuse(path, `a ${whole ? 'whole ' : ''}number ${range}`, value);
  };
}

export function oneOf<const T extends string | number>(...values: readonly T[]): Check<T> {
  return (value, path) =>
    values.includes(value as T)
      ? (value as T)
      : refuse(path, values.map((known) => shown(known)).join(' or '), value);
}

export const text: Check<string> = (value, path) =>
  typeof value === 'string' && value !== '' ? value : refuse(path, 'a non-empty string', value);

export function callable<T>(what: string): Check<T> {
  return (value, path) => (typeof value === 'function' ? (value as T) : refuse(path, what, value));
}

export const signal: Check<AbortSignal> = (value, path) => {
  const { aborted, addEventListener } = Object(value);
  const fits = typeof aborted === 'boolean' && typeof addEventListener === 'function';
  return fits ? (value as AbortSignal) : refuse(path, 'an AbortSignal', value);
};

export const flag: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, 'true or false', value);

/** Somebody's implementation of a contract, known by its methods. */
export function having<T>(...methods: readonly string[]): Check<T> {
  return (value, path) => {
    const fits = methods.every((method) => typeof Object(value)[method] === 'function');
    return fits
      ? (value as T)
      : refuse(path, `an object with ${methods.map((method) => `${method}()`).join(', ')}`, value);
  };
}

/** The object's own keys, `undefined` ones left out. Refuses what is not a plain options object. */
export function entriesOf(value: unknown, path: string): [string, unknown][] {
  // Plain, of whatever realm: a Map or a class's object would be read as empty.
  const prototype = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined;
  const plain = prototype !== undefined && (prototype === null || Object.getPrototypeOf(prototype) === null);
  if (!plain) return refuse(path, 'an object', value);
  return Object.entries(value as object).filter(([, given]) => given !== undefined);
}

/** An object with these keys and no others; keys that are absent stay absent. */
export function fields<T extends Record<string, Check<unknown>>>(
  checks: T,
): Check<{ [K in keyof T]?: ReturnType<T[K]> }> {
  return (value, path) => {
    const result: Record<string, unknown> = {};
    for (const [key, given] of entriesOf(value, path)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (check === undefined) {
        throw new InvalidOptionError(
          `${path}: unknown option ${shown(key)}; known are ${Object.keys(checks).join(', ')}.`,
        );
      }
      result[key] = check(given, `${path}.${key}`);
    }
    return result as { [K in keyof T]?: ReturnType<T[K]> };
  };
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  const json = typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return json === undefined ? String(value) : json.length > 60 ? `${json.slice(0, 57)}…` : json;
}
