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
  const raw: (Buffer | Buffer[])[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    raw.push(Buffer.from(name, 'latin1'));
    raw.push(
      Array.isArray(value) ? value.map((each) => Buffer.from(each, 'latin1')) : Buffer.from(value, 'latin1'),
    );
  }
  return raw;
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('latin1') : String(value);
}
