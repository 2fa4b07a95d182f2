import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsedHeaders, rawHeaders } from '../../src/adapter/undici/raw-headers.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('headers by name', () => {
  it('are found by the name in lower case', () => {
    expect(parsedHeaders([bytes('X-Why'), bytes('busy')])['x-why']).toBe('busy');
    expect(parsedHeaders(['X-Why', 'busy'])['x-why']).toBe('busy');
  });

  it('are a list where a name came more than once', () => {
    const raw = ['Via', 'a', 'via', 'b', 'Set-Cookie', [bytes('c'), 'd'], 'VIA', ['e']];
    expect({ ...parsedHeaders(raw) }).toEqual({ via: ['a', 'b', 'e'], 'set-cookie': ['c', 'd'] });
  });

  it('are text where a list holds one', () => {
    expect({ ...parsedHeaders(['a', ['b']]) }).toEqual({ a: 'b' });
  });

  it('keep bytes beyond ASCII one by one', () => {
    expect(parsedHeaders([bytes('a'), bytes('é')])['a']).toBe('é');
  });

  it('may have any name', () => {
    const headers = parsedHeaders(['__proto__', 'x', 'constructor', 'y']);
    expect(Object.entries(headers)[0]).toEqual(['__proto__', 'x']);
    expect(headers['constructor']).toBe('y');
    expect(headers['toString']).toBeUndefined();
  });

  it('leave out a name without a value', () => {
    expect({ ...parsedHeaders(['a', 'b', 'c']) }).toEqual({ a: 'b' });
    expect({ ...parsedHeaders([]) }).toEqual({});
  });
});

describe('headers as they come over the wire', () => {
  it('are names and values in turn, as bytes, a name again for each of its values', () => {
    expect(rawHeaders({ a: 'b', c: ['d', 'é'], e: undefined })).toEqual([
      bytes('a'),
      bytes('b'),
      bytes('c'),
      bytes('d'),
      bytes('c'),
      bytes('é'),
    ]);
  });

  it('come back as they were', () => {
    const name = fc.stringMatching(/^[a-z-]{1,12}$/);
    const value = fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,12}$/);
    const values = fc.oneof(value, fc.array(value, { minLength: 2, maxLength: 4 }));
    fc.assert(
      fc.property(fc.dictionary(name, values), (headers) => {
        expect({ ...parsedHeaders(rawHeaders(headers)) }).toEqual({ ...headers });
      }),
    );
  });
});
