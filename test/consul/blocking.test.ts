import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changed, nextIndex } from '../../src/consul/blocking.ts';
import { ConsulHttp } from '../../src/consul/http.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { createPacedClock, type PacedClock } from './paced-clock.ts';
import { type Said, ScriptedAgent, until } from './scripted-agent.ts';

let agent: ScriptedAgent;
let http: ConsulHttp;
let clock: PacedClock;

beforeEach(async () => {
  clock = createPacedClock();
  agent = await ScriptedAgent.start(() => undefined);
  const options = { address: agent.address, consistency: 'default', retries: 0 } as const;
  http = new ConsulHttp(completeConsul(options, {}), clock);
});
afterEach(async () => {
  await http.close();
  await agent.close();
});

/** One after the other, then nothing. */
const inTurn = (...all: Said[]) => {
  const left = [...all];
  agent.script = () => left.shift();
};
const urls = () => agent.asked.map(({ url }) => url);

describe('a blocking query', () => {
  it('without an index answers now', async () => {
    inTurn({ index: 7, body: 'now' });
    expect(await changed(http, '/v1/kv/a', { query: { dc: 'dc2' } })).toMatchObject({
      index: 7,
      body: 'now',
    });
    expect(urls()).toEqual(['/v1/kv/a?dc=dc2']);
  });

  it('with one answers when it is another', async () => {
    inTurn({ index: 8, body: 'then' });
    expect((await changed(http, '/v1/kv/a', { index: 7 })).body).toBe('then');
    expect(urls()).toEqual(['/v1/kv/a?index=7&wait=240000ms']);
  });

  it('is put again where Consul held it for as long as it may, with nothing new', async () => {
    let asked = 0;
    agent.script = async () => {
      if (++asked === 3) return { index: 8, body: 'then' };
      await clock.advance(60_000);
      return { index: 7, body: 'same' };
    };
    expect((await changed(http, '/v1/kv/a', { index: 7, wait: 60_000 })).body).toBe('then');
    expect(urls()).toEqual(Array(3).fill('/v1/kv/a?index=7&wait=60000ms'));
  });

  it('is put at most once a second where Consul does not hold it, and every other time without an index', async () => {
    agent.script = () => ({ index: 7, body: 'same' });
    const controller = new AbortController();
    const result = expect(
      changed(http, '/v1/kv/a', { index: 7, signal: controller.signal }),
    ).rejects.toBeDefined();
    for (let second = 1; second <= 10; second++) {
      await until(() => agent.asked.length === second && clock.pauses.length === 1);
      await clock.advance(999);
      expect(agent.asked).toHaveLength(second);
      await clock.advance(1);
    }
    const asking = '/v1/kv/a?index=7&wait=240000ms';
    expect(urls().slice(0, 4)).toEqual([asking, '/v1/kv/a', asking, '/v1/kv/a']);
    controller.abort();
    await result;
  });

  it('finds a state that went back behind its index: a snapshot was restored, and all who waited were let go', async () => {
    inTurn({ index: 100, body: 'old' }, { index: 5, body: 'restored' });
    const answer = changed(http, '/v1/kv/a', { index: 100 });
    await until(() => agent.asked.length === 1 && clock.pauses.length === 1);
    await clock.advance(1_000);
    expect(await answer).toMatchObject({ index: 5, body: 'restored' });
    expect(urls()).toEqual(['/v1/kv/a?index=100&wait=240000ms', '/v1/kv/a']);
  });

  it('takes an index below 1 for 1, which blocks', async () => {
    inTurn({ index: 0, body: 'nothing yet' }, { index: 3, body: 'then' });
    const answer = changed(http, '/v1/kv/a', { index: 1 });
    await until(() => agent.asked.length === 1 && clock.pauses.length === 1);
    await clock.advance(1_000);
    expect((await answer).body).toBe('then');
  });

  it('of an endpoint that has no index answers now', async () => {
    inTurn({ body: 'anything' });
    expect((await changed(http, '/v1/kv/a', { index: 7 })).body).toBe('anything');
  });

  it('passes errors on, the close of the client too', async () => {
    inTurn({ status: 500, body: 'No cluster leader' });
    await expect(changed(http, '/v1/kv/a', { index: 7 })).rejects.toMatchObject({ status: 500 });
    inTurn({ index: 7 });
    const result = expect(changed(http, '/v1/kv/a', { index: 7 })).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    });
    await until(() => agent.asked.length === 2 && clock.pauses.length === 1);
    http.close();
    await result;
  });
});

describe('the next index', () => {
  it.each([
    [undefined, 7, 7],
    [7, 8, 8],
    [7, 7, 7],
    [undefined, 0, 1],
    [1, 0, 1],
    // Backwards: begin anew.
    [7, 6, undefined],
    [7, 0, undefined],
    [7, undefined, undefined],
  ])('after %s and an answer with %s is %s', (before, answered, expected) => {
    expect(nextIndex(before, answered)).toBe(expected);
  });
});
