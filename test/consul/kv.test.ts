import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsulHttp } from '../../src/consul/http.ts';
import { Kv } from '../../src/consul/kv.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { rawEntry, ScriptedAgent } from './scripted-agent.ts';

let agent: ScriptedAgent;
let http: ConsulHttp;
let kv: Kv;

beforeEach(async () => {
  agent = await ScriptedAgent.start(() => ({ body: true }));
  http = new ConsulHttp(completeConsul({ address: agent.address }, {}), createFakeClock());
  kv = new Kv(http);
});
afterEach(async () => {
  await http.close();
  await agent.close();
});

const answering = (body: unknown, status = 200) => {
  agent.script = () => ({ body, status });
};
const asked = () => agent.asked.map(({ method, url, body }) => [method, url, body].join(' ').trim());

describe('reading keys', () => {
  it('gives the value as text and as bytes, and what Consul knows of it', async () => {
    answering([
      { ...rawEntry('app/a', 'grüße', 42, 'some-session'), Flags: 7, CreateIndex: 3, LockIndex: 2 },
    ]);
    expect(await kv.get('app/a')).toEqual({
      key: 'app/a',
      value: 'grüße',
      bytes: Buffer.from('grüße'),
      flags: 7,
      modifyIndex: 42,
      createIndex: 3,
      lockIndex: 2,
      session: 'some-session',
    });
    expect(asked()).toEqual(['GET /v1/kv/app/a']);
  });

  it('knows an empty value, which Consul writes as null', async () => {
    answering([{ ...rawEntry('a', '', 1), Value: null }]);
    expect(await kv.get('a')).toMatchObject({ value: '', bytes: Buffer.alloc(0), session: undefined });
  });

  it('gives nothing where there is no such key', async () => {
    answering(undefined, 404);
    expect(await kv.get('a')).toBeUndefined();
    expect(await kv.list('a')).toEqual([]);
    expect(await kv.keys('a')).toEqual([]);
    expect(await kv.getJson('a')).toBeUndefined();
  });

  it('lists all below a prefix, or their names', async () => {
    answering([rawEntry('a/1', 'x', 1), rawEntry('a/2', 'y', 2)]);
    expect((await kv.list('a/')).map(({ key, value }) => key + value)).toEqual(['a/1x', 'a/2y']);
    await kv.list('');
    answering(['a/', 'b']);
    expect(await kv.keys('', { separator: '/' })).toEqual(['a/', 'b']);
    expect(asked()).toEqual([
      'GET /v1/kv/a/?recurse',
      'GET /v1/kv/?recurse',
      'GET /v1/kv/?keys&separator=%2F',
    ]);
  });

  it('sees what was just written, unless it is told otherwise', async () => {
    answering(undefined, 404);
    await kv.get('a', { consistency: 'stale', datacenter: 'dc2' });
    await kv.get('a', { consistency: 'consistent' });
    expect(asked()).toEqual(['GET /v1/kv/a?dc=dc2&stale', 'GET /v1/kv/a?consistent']);
  });

  it('passes on what else goes wrong', async () => {
    answering('Permission denied', 403);
    await expect(kv.get('a')).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 403 });
  });
});

describe('writing keys', () => {
  it('sends text and bytes as they are, all else as JSON', async () => {
    for (const value of ['text', Buffer.from('bytes'), { a: 1 }, 5, null]) await kv.put('a b', value);
    await kv.putJson('a', 'text');
    expect(asked()).toEqual([
      'PUT /v1/kv/a%20b text',
      'PUT /v1/kv/a%20b bytes',
      'PUT /v1/kv/a%20b {"a":1}',
      'PUT /v1/kv/a%20b 5',
      'PUT /v1/kv/a%20b null',
      'PUT /v1/kv/a "text"',
    ]);
  });

  it('says whether it took place', async () => {
    expect(await kv.put('a', '', { cas: 0, flags: 3 })).toBe(true);
    answering(false);
    expect(await kv.put('a', '', { cas: 5, datacenter: 'dc2' })).toBe(false);
    expect(await kv.put('a', '', { acquire: 's' })).toBe(false);
    expect(await kv.put('a', '', { release: 's' })).toBe(false);
    expect(await kv.delete('a', { cas: 5 })).toBe(false);
    expect(asked()).toEqual([
      'PUT /v1/kv/a?cas=0&flags=3',
      'PUT /v1/kv/a?dc=dc2&cas=5',
      'PUT /v1/kv/a?acquire=s',
      'PUT /v1/kv/a?release=s',
      'DELETE /v1/kv/a?cas=5',
    ]);
  });

  it('deletes one key, or all that begin with it', async () => {
    await kv.delete('a');
    await kv.delete('a/', { recurse: true });
    await kv.delete('', { recurse: true });
    expect(asked()).toEqual(['DELETE /v1/kv/a', 'DELETE /v1/kv/a/?recurse', 'DELETE /v1/kv/?recurse']);
  });

  it.each([
    [() => kv.get(''), 'kv.get: expected a name'],
    [() => kv.get('/a'), 'kv.get: Consul'],
    [() => kv.get('a', { stale: true } as never), 'kv.get: unknown option "stale"'],
    [() => kv.put('a', 'x'.repeat(524_289)), 'has 524289 bytes; Consul stores at most 524288'],
    [() => kv.put('a', undefined), 'kv.put: expected text, bytes or what JSON can say'],
    [() => kv.put('a', 1n), 'kv.put: JSON cannot say it'],
    [() => kv.put('a', '', { cas: -1 }), 'kv.put.cas: expected a whole number'],
    [() => kv.put('a', '', { flags: 2 ** 53 }), 'kv.put.flags: expected a whole number'],
    [() => kv.putJson('a', undefined), 'kv.putJson: expected what JSON can say'],
    [() => kv.delete(''), 'kv.delete: expected a name'],
    [() => kv.delete('a', { cas: 0 }), 'kv.delete.cas: expected a whole number from 1'],
    [() => kv.wait('a', -1), 'kv.wait.modifyIndex'],
  ])('refuses before anything is sent what makes no sense (%#)', async (attempt, why) => {
    const error = await attempt().catch((caught) => caught);
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(why) });
    expect(agent.asked).toEqual([]);
  });

  it('takes as much as Consul does', async () => {
    expect(await kv.put('a', 'x'.repeat(524_288))).toBe(true);
  });
});

describe('JSON in a key', () => {
  const positive = (value: unknown): number => {
    if (typeof value === 'number' && value > 0) return value;
    throw new TypeError('not positive');
  };

  it('is what the validator makes of it', async () => {
    answering([rawEntry('a', '5', 1)]);
    expect(await kv.getJson('a')).toBe(5);
    expect(await kv.getJson('a', positive)).toBe(5);
    expect(await kv.getJson('a', (value) => String(value))).toBe('5');
  });

  it('that it refuses, or that is none, is an error with the reason', async () => {
    answering([rawEntry('a', '-5', 1)]);
    await expect(kv.getJson('a', positive)).rejects.toMatchObject({
      code: 'ERR_CONSUL',
      message: 'kv.getJson: a does not hold what it should: not positive',
      cause: expect.any(TypeError),
    });
    answering([rawEntry('a', '{', 1)]);
    await expect(kv.getJson('a')).rejects.toMatchObject({
      code: 'ERR_CONSUL',
      cause: expect.any(SyntaxError),
    });
  });
});
