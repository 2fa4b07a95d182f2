import { describe, expect, it } from 'vitest';
import { filter } from '../../src/resolver/filter.ts';
import { address } from '../lists.ts';
import { notFound, scriptedSource } from '../scripted-source.ts';

const web = { service: 'web' };
const blue = (letter: string) => address(letter, { meta: { colour: 'blue' } });

describe('filter', () => {
  it('keeps the addresses that the predicate is true for, and the rest of the answer', async () => {
    const source = scriptedSource();
    source.answer = {
      addresses: [address('a'), blue('b'), blue('c')],
      ttl: 7_000,
      complete: false,
      omission: 0.5,
      unresolved: { datacenters: ['dc2'] },
      token: '7',
    };
    const kept = await filter(source, ({ meta }) => meta?.['colour'] === 'blue').resolve(web);
    expect(kept).toEqual({ ...source.answer, addresses: [blue('b'), blue('c')] });
  });

  it('passes the question on as it is', async () => {
    const source = scriptedSource();
    const { signal } = new AbortController();
    const asked = { signal, fresh: true, background: true, after: '7' };
    await filter(source, () => true).resolve(web, asked);
    expect(source.asked).toEqual([asked]);
  });

  it('finds nothing where none is left, and says that it was the filter', async () => {
    const source = scriptedSource('abc');
    const work = filter(source, () => false).resolve(web);
    await expect(work).rejects.toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
      message: 'filter: the predicate is true for none of the 3 addresses.',
    });
    source.answer = notFound();
    await expect(filter(source, () => false).resolve(web)).rejects.toBe(source.answer);
  });

  it('fails where none is left of a list that lacks what may pass: that is no sign of emptiness', async () => {
    const source = scriptedSource('abc');
    const none = filter(source, () => false);
    const list = { addresses: [address('a')], complete: false };
    source.answer = { ...list, omission: 1 };
    await expect(none.resolve(web)).rejects.toMatchObject({ code: 'ERR_DNS_RESPONSE' });
    source.answer = { ...list, omission: 0, unresolved: { datacenters: ['dc2'] } };
    await expect(none.resolve(web)).rejects.toMatchObject({ code: 'ERR_DNS_RESPONSE' });
    source.answer = { ...list, omission: 1e-6 };
    await expect(none.resolve(web)).rejects.toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
  });

  it('rejects with what the predicate throws as cause', async () => {
    const cause = new Error('oops');
    const failing = filter(scriptedSource('a'), () => {
      throw cause;
    });
    await expect(failing.resolve(web)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: 'filter: the predicate threw for 10.0.0.1 port 80: Error: oops',
      cause,
    });
  });

  it.each([
    [async () => false, 'a promise'],
    [() => undefined, 'undefined'],
    [() => 'yes', 'string'],
  ])('refuses a predicate that says neither true nor false (%#)', async (predicate, what) => {
    await expect(filter(scriptedSource('a'), predicate as never).resolve(web)).rejects.toThrow(
      `the predicate returned ${what} for 10.0.0.1 port 80; expected true or false`,
    );
  });

  it.each([
    [undefined, () => true],
    [scriptedSource(), 'blue'],
    [scriptedSource(), undefined],
  ])('refuses bad arguments (%#)', (resolver, predicate) => {
    expect(() => filter(resolver as never, predicate as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });

  it('is closed with what it wraps, once', async () => {
    let closed = 0;
    const filtered = filter({ ...scriptedSource(), close: () => void closed++ }, () => true);
    await filtered.close();
    await filtered.close();
    expect(closed).toBe(1);
    await expect(filtered.resolve(web)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
