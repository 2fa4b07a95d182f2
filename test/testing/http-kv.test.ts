import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { caller } from './http-requests.ts';

let clock: FakeClock;
let double: ConsulDouble;
let consul: ReturnType<typeof caller>;
beforeEach(async () => {
  clock = createFakeClock();
  double = await createConsulDouble({ clock, seed: 1 });
  consul = caller(double.httpAddress);
});
afterEach(() => double.close());

const entry = async (key: string) => (await consul.get(`/v1/kv/${key}`)).json?.[0];
const put = async (path: string, value = '') => (await consul.put(`/v1/kv/${path}`, value)).json;
const session = async (definition: object = {}): Promise<string> =>
  (await consul.put('/v1/session/create', definition)).json.ID;

describe('a key', () => {
  it('keeps bytes, flags of 64 bits and its first index', async () => {
    await put('a?flags=18446744073709551615', 'one');
    const { text, json } = await consul.get('/v1/kv/a');
    expect(text).toContain('"Flags":18446744073709551615,');
    const first = json[0].CreateIndex;
    await put('a', 'two');
    expect(await entry('a')).toMatchObject({ CreateIndex: first, Value: 'dHdv', Flags: 0 });
    expect((await consul.get('/v1/kv/a?raw')).text).toBe('two');
  });

  it('written as it is does not move', async () => {
    await put('a', 'one');
    const before = await entry('a');
    await put('a', 'one');
    expect(await entry('a')).toEqual(before);
  });

  it('with cas is written only over what was read', async () => {
    expect(await put('a?cas=0', 'one')).toBe(true);
    expect(await put('a?cas=0', 'two')).toBe(false);
    const { ModifyIndex } = await entry('a');
    expect(await put(`a?cas=${ModifyIndex}`, 'three')).toBe(true);
    expect(await put(`a?cas=${ModifyIndex}`, 'four')).toBe(false);
    expect((await consul.delete(`/v1/kv/a?cas=${ModifyIndex}`)).json).toBe(false);
    expect((await consul.get('/v1/kv/a?raw')).text).toBe('three');
  });

  it('has at most 512 KiB', async () => {
    expect(await put('a', 'x'.repeat(524_288))).toBe(true);
    expect(await consul.put('/v1/kv/a', 'x'.repeat(524_289))).toMatchObject({
      status: 413,
      text: expect.stringContaining('Request body(524289 bytes) too large, max size: 524288 bytes.'),
    });
  });

  it('below a prefix moves its index by writing and by deleting; those beside it do not', async () => {
    for (const key of ['a/1', 'a/2', 'b']) await put(key, 'x');
    const index = async () => (await consul.get('/v1/kv/a/?recurse')).index;
    const before = await index();
    await put('b', 'y');
    expect(await index()).toBe(before);
    await consul.delete('/v1/kv/a/1');
    const deleted = await index();
    expect(deleted).toBeGreaterThan(before);
    await put('b', 'z');
    expect(await index()).toBe(deleted);
  });

  it('is listed in the order of its bytes, up to a separator', async () => {
    for (const key of ['a/b/c', 'a/b/d', 'a/é', 'a/z']) await put(encodeURI(key), 'x');
    const keys = async (query: string) => (await consul.get(`/v1/kv/${query}`)).json;
    expect(await keys('?keys')).toEqual(['a/b/c', 'a/b/d', 'a/z', 'a/é']);
    expect(await keys('a/?keys&separator=/')).toEqual(['a/b/', 'a/z', 'a/é']);
  });
});

describe('a lock', () => {
  it('is held by one session until that lets go', async () => {
    const [one, two] = [await session(), await session()];
    expect(await put(`l?acquire=${one}`, '1')).toBe(true);
    expect(await put(`l?acquire=${two}`, '2')).toBe(false);
    expect(await entry('l')).toMatchObject({ Session: one, LockIndex: 1 });
    expect(await put(`l?release=${two}`)).toBe(false);
    expect(await put(`l?release=${one}`)).toBe(true);
    expect(await put(`l?acquire=${two}`, '2')).toBe(true);
    expect(await entry('l')).toMatchObject({ Session: two, LockIndex: 2 });
  });

  it('of a session that is not renewed is lost after twice its TTL, and free when the lock delay is over', async () => {
    const one = await session({ TTL: '10s', LockDelay: '5s' });
    const two = await session();
    await put(`l?acquire=${one}`, '1');
    await clock.advance(15_000);
    await consul.put(`/v1/session/renew/${one}`);
    await clock.advance(19_999);
    expect(await entry('l')).toMatchObject({ Session: one });
    await clock.advance(1);
    expect(await entry('l')).not.toHaveProperty('Session');
    expect(await put(`l?acquire=${two}`)).toBe(false);
    expect(await put('l', 'past the lock')).toBe(true);
    await clock.advance(5_000);
    expect(await put(`l?acquire=${two}`)).toBe(true);
  });

  it('with the behaviour delete goes with its session', async () => {
    const one = await session({ Behavior: 'delete', LockDelay: '0s' });
    await put(`l?acquire=${one}`, '1');
    await consul.put(`/v1/session/destroy/${one}`);
    expect((await consul.get('/v1/kv/l')).status).toBe(404);
    expect(await put(`l?acquire=${await session()}`)).toBe(true);
  });

  it.each([
    ['its check turns critical', () => consul.put('/v1/agent/check/fail/alive')],
    ['its check is taken away', () => consul.put('/v1/agent/check/deregister/alive')],
    ['its node leaves', () => consul.put('/v1/catalog/deregister', { Node: 'double' })],
  ])('is lost when %s', async (_, end) => {
    await consul.put('/v1/agent/check/register', {
      ID: 'alive',
      Name: 'alive',
      TTL: '1h',
      Status: 'passing',
    });
    const one = await session({ Checks: ['serfHealth', 'alive'] });
    await put(`l?acquire=${one}`, '1');
    await end();
    expect((await consul.get(`/v1/session/info/${one}`)).json).toEqual([]);
    expect(await entry('l')).not.toHaveProperty('Session');
  });

  it('leaves no timer behind when the double closes', async () => {
    await session({ TTL: '10s' });
    expect(clock.pending).toBe(1);
    await double.close();
    expect(clock.pending).toBe(0);
  });
});

describe('each datacenter', () => {
  it('has keys and sessions of its own; one that is unknown or out of reach has no path', async () => {
    double.addNode({ name: 'far', address: '10.2.0.1', datacenter: 'dc2' });
    await put('a?dc=dc2', 'there');
    expect((await consul.get('/v1/kv/a')).status).toBe(404);
    expect((await consul.get('/v1/kv/a?dc=dc2&raw')).text).toBe('there');
    expect((await consul.get('/v1/catalog/datacenters')).json).toEqual(['dc1', 'dc2']);
    const noPath = { status: 500, text: 'No path to datacenter' };
    expect(await consul.get('/v1/kv/a?dc=dc3')).toMatchObject(noPath);
    double.dns.unreachable('dc2', true);
    expect(await consul.get('/v1/health/service/web?dc=dc2')).toMatchObject(noPath);
  });
});
