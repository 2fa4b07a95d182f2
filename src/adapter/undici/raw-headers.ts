import type { Headers, RawHeaders } from './dispatch.ts';

/** Name, value, name, value … as they came over the wire → by name in lower case; what came more than once is a list. */
export function parsedHeaders(raw: RawHeaders): Headers {
  const headers: Headers = Object.create(null);
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]).toLowerCase();
    const value = raw[i + 1];
    const values = Array.isArray(value) ? value.map(text) : [text(value)];
    const known = headers[name];
    const all = known === undefined ? values : [...(Array.isArray(known) ? known : [known]), ...values];
    headers[name] = all.length === 1 ? all[0] : all;
  }
  return headers;
}

/** The other way round. */
export function rawHeaders(headers: Headers): RawHeaders {
  const raw: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    // One by one: a list of values is joined by some who read it, which cookies do not survive.
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) raw.push(Buffer.from(name, 'latin1'), Buffer.from(one, 'latin1'));
  }
  return raw;
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('latin1') : String(value);
}
