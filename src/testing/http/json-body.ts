import { parseDuration } from './durations.ts';
import { Refusal } from './reply.ts';

/** What a field may be, in Go's words; an object: its own fields; a list of one: any number of it. */
export type FieldType =
  | 'string'
  | 'int'
  | 'bool'
  /** Text like '10s', or nanoseconds; read as ms. */
  | 'duration'
  | 'strings'
  | 'map'
  | 'lists'
  | 'any'
  | Fields
  | readonly [Fields];

/** By the name that is read; letter case and underscores of what is sent make no difference, as `tls_skip_verify`. */
export type Fields = { readonly [name: string]: FieldType };

export interface DecodeOptions {
  /** Unknown fields are refused; default true. */
  strict?: boolean;
  /** What an error calls the structure; '' on 1.8.7. */
  structure?: string;
}

/** @throws Refusal 400, in Consul's words where it is simple to have them. */
export function decoded(body: Buffer, fields: Fields, options: DecodeOptions = {}): Record<string, unknown> {
  const text = body.toString();
  if (text.trim() === '') throw failure('EOF');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw failure(brokenAt(text));
  }
  return object(value, fields, options, '');
}

function object(value: unknown, fields: Fields, options: DecodeOptions, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw failure(
      `json: cannot unmarshal ${kindOf(value)} into Go value of type ${at === '' ? 'object' : at}`,
    );
  const known = new Map(Object.keys(fields).map((name) => [bare(name), name]));
  const read: Record<string, unknown> = {};
  for (const [given, one] of Object.entries(value)) {
    const name = known.get(bare(given));
    if (name === undefined) {
      if (options.strict === false) continue;
      throw failure(`json: unknown field ${JSON.stringify(given)}`);
    }
    if (one !== null) read[name] = field(one, fields[name]!, name, options);
  }
  return read;
}

function field(value: unknown, type: FieldType, name: string, options: DecodeOptions): unknown {
  const wrong = (wanted: string) =>
    failure(
      `json: cannot unmarshal ${kindOf(value)} into Go struct field ${options.structure ?? ''}.${name} of type ${wanted}`,
    );
  if (typeof type === 'object') {
    if (!isList(type)) return object(value, type, options, name);
    if (!Array.isArray(value)) throw wrong('[]object');
    return value.map((one) => object(one, type[0], options, name));
  }
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw wrong('string');
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw wrong('bool');
      return value;
    case 'int':
      if (!Number.isSafeInteger(value)) throw wrong('int');
      return value;
    case 'duration': {
      if (typeof value === 'number') return value / 1e6;
      if (typeof value !== 'string') throw wrong('time.Duration');
      if (value === '') return 0;
      const ms = parseDuration(value);
      if (ms === undefined) throw failure(`time: invalid duration ${JSON.stringify(value)}`);
      return ms;
    }
    case 'strings':
      if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw wrong('[]string');
      return value;
    case 'map':
      if (!isMapOf(value, (one) => typeof one === 'string')) throw wrong('map[string]string');
      return value;
    case 'lists':
      if (!isMapOf(value, (one) => Array.isArray(one))) throw wrong('map[string][]string');
      return value;
    case 'any':
      return value;
  }
}

function isList(type: Fields | readonly [Fields]): type is readonly [Fields] {
  return Array.isArray(type);
}

function isMapOf(value: unknown, is: (one: unknown) => boolean): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(is)
  );
}

function failure(what: string): Refusal {
  return new Refusal(400, `Request decode failed: ${what}`);
}

function bare(name: string): string {
  return name.toLowerCase().replaceAll('_', '');
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Go's words for the commonest kind: a body that never was JSON. */
function brokenAt(text: string): string {
  const first = text.trimStart()[0]!;
  const found = /^[\s[{"\d-]/.test(first) ? undefined : first;
  return found === undefined
    ? 'unexpected EOF'
    : `invalid character '${found}' looking for beginning of value`;
}
