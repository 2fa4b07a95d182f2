import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { type Answer, caller } from './http-requests.ts';

let clock: FakeClock;
let double: ConsulDouble;
let consul: ReturnType<typeof caller>;
const start = async (options: object = {}) => {
  clock = createFakeClock();
  double = await createConsulDouble({ clock, seed: 1, ...options });
  consul = caller(double.httpAddress);
};
beforeEach(() => start());
afterEach(() => double.close());

/** A question that waits; `answer` is undefined while it does. */
const waiting = async (path: string, index: number, wait = '60s') => {
  const before = double.requests.length;
  const state: { answer: Answer | undefined; done: Promise<unknown> } = {
    answer: undefined,
    done: Promise.resolve(),
  };
  state.done = consul.get(`${path}${path.includes('?') ? '&' : '?'}index=${index}&wait=${wait}`).then(
    (answer) => {
      state.answer = answer;
    },
    () => {},
  );
  while (double.requests.length === before) await turn();
  return state;
};
const turn = () => new Promise((resolve) => setImmediate(resolve));
const settle = async () => {
  for (let turns = 0; turns < 20; turns++) await turn();
};

describe('a blocking query', () => {
  it('answers as soon as what it shows has changed', async () => {
    const web = double.register({ name: 'web', port: 80 });
    const { index } = await consul.get('/v1/health/service/web');
    const asked = await waiting('/v1/health/service/web', index);
    await settle();
    expect(asked.answer).toBeUndefined();
    web.setStatus('warning');
    await asked.done;
    expect(asked.answer?.json[0].Checks.at(-1).Status).toBe('warning');
    expect(asked.answer?.index).toBeGreaterThan(index);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['another service', () => double.register({ name: 'other' })],
    ['a key', () => consul.put('/v1/kv/x', 'y')],
    ['the same registration', () => consul.put('/v1/agent/service/register', { Name: 'web' })],
  ])('is left alone by %s', async (_, change) => {
    await consul.put('/v1/agent/service/register', { Name: 'web' });
    const { index } = await consul.get('/v1/health/service/web');
    const asked = await waiting('/v1/health/service/web', index);
    await change();
    await settle();
    expect(asked.answer).toBeUndefined();
  });

  it('ends with its wait and up to a sixteenth more, the same for the same seed', async () => {
    const ends: number[] = [];
    for (let run = 0; run < 2; run++) {
      await double.close();
      await start();
      const { index } = await consul.get('/v1/kv/x');
      const asked = await waiting('/v1/kv/x', index);
      const since = clock.now();
      while (asked.answer === undefined && clock.now() - since < 70_000) await clock.advance(50);
      ends.push(clock.now() - since);
      expect(asked.answer).toMatchObject({ status: 404, index });
    }
    expect(ends[0]).toBeGreaterThanOrEqual(60_000);
    expect(ends[0]).toBeLessThanOrEqual(63_800);
    expect(ends[1]).toBe(ends[0]);
  });

  it('with an index from the future waits, and answers with the one there is', async () => {
    const asked = await waiting('/v1/kv/?recurse', 1_000_000, '10s');
    await consul.put('/v1/kv/x', 'y');
    await settle();
    expect(asked.answer).toBeUndefined();
    await clock.advance(11_000);
    await asked.done;
    expect(asked.answer?.index).toBeLessThan(1_000);
  });

  it('holds nothing once whoever asked has gone', async () => {
    const gone = new AbortController();
    const asked = consul.get('/v1/kv/x?index=1000', { signal: gone.signal }).catch(() => {});
    while (clock.pending === 0) await turn();
    gone.abort();
    await asked;
    for (let turns = 0; clock.pending > 0 && turns < 1_000; turns++) await turn();
    expect(clock.pending).toBe(0);
  });

  it('never says index 0', async () => {
    for (const path of [
      '/v1/kv/x',
      '/v1/session/list',
      '/v1/health/service/x',
      '/v1/catalog/node/x',
      '/v1/event/list',
    ])
      expect((await consul.get(path)).index).toBeGreaterThan(0);
  });

  it('of a service that left has the index of its end; of one that never was, that of the catalogue', async () => {
    const { index: before } = await consul.get('/v1/health/service/none');
    double.register({ name: 'web' }).deregister();
    const { index: left } = await consul.get('/v1/health/service/web');
    expect(left).toBeGreaterThan(before);
    double.register({ name: 'other' });
    expect((await consul.get('/v1/health/service/web')).index).toBe(left);
    expect((await consul.get('/v1/health/service/none')).index).toBe(left);
  });

  it('on 1.22.7 is answered by a change feed, which does not know of a leader', async () => {
    double.register({ name: 'web' });
    const headers = async (query: string) => {
      const answer = (await consul.get(`/v1/health/service/web${query}`)).headers;
      return [
        answer['x-consul-query-backend'],
        answer['x-consul-knownleader'],
        answer['x-consul-lastcontact'],
      ];
    };
    expect(await headers('')).toEqual(['blocking-query', 'true', '0']);
    expect(await headers('?index=1')).toEqual(['streaming', 'false', '0']);
    await double.close();
    await start({ version: '1.8.7' });
    double.register({ name: 'web' });
    expect(await headers('?index=1')).toEqual([undefined, 'true', '0']);
  });

  it('ends in an error when the agent goes down', async () => {
    const asked = consul.get('/v1/kv/x?index=1000');
    const failed = expect(asked).rejects.toThrow();
    while (clock.pending === 0) await turn();
    await double.stop();
    await failed;
    expect(clock.pending).toBe(0);
  });
});
