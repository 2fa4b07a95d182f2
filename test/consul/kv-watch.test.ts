import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsulHttp } from '../../src/consul/http.ts';
import { Kv } from '../../src/consul/kv.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { createPacedClock, type PacedClock } from './paced-clock.ts';
import { rawEntry, type Said, ScriptedAgent, say, until } from './scripted-agent.ts';

let agent: ScriptedAgent;
let clock: PacedClock;
let http: ConsulHttp;
let kv: Kv;

beforeEach(async () => {
  agent = await ScriptedAgent.start(() => undefined);
  clock = createPacedClock();
  http = new ConsulHttp(completeConsul({ address: agent.address, retries: 0 }, {}), clock);
  kv = new Kv(http);
});
afterEach(async () => {
  await http.close();
  await agent.close();
});

const missing = (index: number): Said => ({ status: 404, index });
const holding = (value: string, modifyIndex: number, index = modifyIndex): Said => ({
  index,
  body: [rawEntry('a', value, modifyIndex)],
});
/** One after the other, then silence. */
const inTurn = (...all: Said[]) => {
  const left = [...all];
  agent.script = () => left.shift();
};
const urls = () => agent.asked.map(({ url }) => url.replace('/v1/kv/', ''));
const values = async (count: number, given: Parameters<Kv['watch']>[1] = {}) => {
  const seen: (string | undefined)[] = [];
  for await (const entry of kv.watch('a', given)) {
    seen.push(entry?.value);
    if (seen.length === count) break;
  }
  return seen;
};

describe('watching a key', () => {
  it('gives what is there, then each change', async () => {
    inTurn(holding('one', 5), holding('two', 9), missing(12), holding('three', 20));
    expect(await values(4)).toEqual(['one', 'two', undefined, 'three']);
    expect(urls()).toEqual([
      'a',
      'a?index=5&wait=240000ms',
      'a?index=9&wait=240000ms',
      'a?index=12&wait=240000ms',
    ]);
  });

  it('begins with nothing where there is no such key', async () => {
    inTurn(missing(0), holding('one', 5));
    expect(await values(2)).toEqual([undefined, 'one']);
    expect(urls()[1]).toBe('a?index=1&wait=240000ms');
  });

  it('says nothing twice: an index may move for other keys', async () => {
    inTurn(holding('one', 5, 5), holding('one', 5, 7), holding('two', 8, 8));
    expect(await values(2)).toEqual(['one', 'two']);
  });

  it('sees another value under the same index: an agent that lost all begins to count anew', async () => {
    inTurn(holding('one', 5, 9), holding('other', 5, 5));
    expect(await values(2)).toEqual(['one', 'other']);
    inTurn(
      { index: 5, body: [rawEntry('a', 'x', 5)] },
      { index: 6, body: [rawEntry('a', 'x', 5, 'session')] },
    );
    expect(await values(2)).toEqual(['x', 'x']);
  });

  it('begins anew where the index goes backwards', async () => {
    inTurn(holding('one', 50), holding('restored', 7), holding('later', 8));
    expect(await values(3)).toEqual(['one', 'restored', 'later']);
    expect(urls()).toEqual(['a', 'a?index=50&wait=240000ms', 'a?consistent']);
  });

  it('asks nothing while nobody waits for the next', async () => {
    let value = 0;
    agent.script = () => holding(String(++value), value, value);
    const watch = kv.watch('a');
    await watch.next();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(agent.asked).toHaveLength(1);
    await watch.return();
  });

  it('rests where answers say nothing new, up to a second', async () => {
    let index = 0;
    agent.script = () => missing(++index);
    const controller = new AbortController();
    const next = kv.watch('a', { signal: controller.signal });
    await next.next();
    const second = next.next().catch(() => {});
    await until(() => agent.asked.length === 6 && clock.pauses.length === 1);
    for (let ms = 0; ms < 3_000; ms += 50) {
      await clock.advance(50);
      await until(() => clock.pauses.length === 1);
    }
    const before = agent.asked.length;
    for (let ms = 0; ms < 10_000; ms += 50) {
      await clock.advance(50);
      await until(() => clock.pauses.length === 1);
    }
    expect(agent.asked.length - before).toBeLessThanOrEqual(10);
    controller.abort();
    await second;
  });

  it('does so too where somebody in between takes the index away', async () => {
    agent.script = () => ({ body: [rawEntry('a', 'x', 1)] });
    const watch = kv.watch('a');
    await watch.next();
    const next = watch.next();
    await until(() => clock.pauses.length === 1 && agent.asked.length === 6);
    http.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe('a watch of a key while Consul has trouble', () => {
  it.each([
    [429, 'too many'],
    [500, 'No cluster leader'],
    [503, 'busy'],
  ])('%i: goes on after 1 s, 2 s, 4 s, and says it once', async (status, body) => {
    const errors: unknown[] = [];
    inTurn(holding('one', 5), { status, body }, { status, body }, { status, body }, holding('two', 9));
    const all = values(2, { onError: (error) => errors.push(error) });
    for (const [asked, delay] of [
      [2, 1_000],
      [3, 2_000],
      [4, 4_000],
    ] as const) {
      await until(() => agent.asked.length === asked && clock.pauses.length === 1);
      const [pause = 0] = clock.pauses;
      expect(pause).toBeGreaterThanOrEqual(delay * 0.8);
      expect(pause).toBeLessThanOrEqual(delay);
      await clock.advance(pause);
    }
    expect(await all).toEqual(['one', 'two']);
    // From the beginning: it may have lost its indexes. And surely: a new leader may not know all yet.
    expect(urls().slice(2)).toEqual(['a?consistent', 'a?consistent', 'a?consistent']);
    expect(errors).toEqual([expect.objectContaining({ status })]);
  });

  it('asks no leader where any server is to answer', async () => {
    inTurn(holding('one', 5), { status: 500, body: 'rpc error' }, holding('two', 6));
    const all = values(2, { consistency: 'stale', onError: () => {} });
    await until(() => agent.asked.length === 2 && clock.pauses.length === 1);
    await clock.advance(1_000);
    await all;
    expect(urls()).toEqual(['a?stale', 'a?stale&index=5&wait=240000ms', 'a?stale']);
  });

  it('goes on when its connection breaks', async () => {
    const left: (Said | undefined)[] = [holding('one', 5), undefined, holding('two', 6)];
    agent.script = (_asked, response) => {
      const said = left.shift();
      if (said === undefined) response.destroy();
      return said;
    };
    const all = values(2, { onError: () => {} });
    await until(() => agent.asked.length === 2 && clock.pauses.length === 1);
    await clock.advance(1_000);
    expect(await all).toEqual(['one', 'two']);
  });

  it('says each outage', async () => {
    const errors: unknown[] = [];
    const down = { status: 500, body: 'down' };
    inTurn(holding('1', 1), down, holding('2', 2), down, holding('3', 3));
    const all = values(3, { onError: (error) => errors.push(error) });
    for (const asked of [2, 4]) {
      await until(() => agent.asked.length === asked && clock.pauses.length === 1);
      await clock.advance(1_000);
    }
    expect(await all).toEqual(['1', '2', '3']);
    expect(errors).toHaveLength(2);
  });

  it.each([400, 403, 405])('%i: rejects, since Consul understood and refuses', async (status) => {
    inTurn({ status, body: 'Permission denied' });
    await expect(values(1)).rejects.toMatchObject({ code: 'ERR_CONSUL', status });
  });
});

describe('the end of a watch', () => {
  it('is the reason of its signal, while it waits and while it pauses', async () => {
    const reason = new Error('enough');
    for (const [pauses, said] of [undefined, { status: 500, body: 'down' }].entries()) {
      agent.script = () => said;
      agent.asked.length = 0;
      const controller = new AbortController();
      const { signal } = controller;
      const result = expect(values(1, { signal, onError: () => {} })).rejects.toBe(reason);
      await until(() => agent.asked.length === 1 && clock.pauses.length === pauses);
      controller.abort(reason);
      await result;
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      expect(clock.pending).toBe(0);
    }
    await expect(values(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('comes with that of the client, while it waits and while it pauses', async () => {
    for (const [pauses, said] of [undefined, { status: 500, body: 'down' }].entries()) {
      agent.script = () => said;
      agent.asked.length = 0;
      const client = new ConsulHttp(completeConsul({ address: agent.address, retries: 0 }, {}), clock);
      const next = new Kv(client).watch('a', { onError: () => {} }).next();
      await until(() => agent.asked.length === 1 && clock.pauses.length === pauses);
      client.close();
      expect(await next).toEqual({ done: true, value: undefined });
    }
  });
});

describe('watching all keys below a prefix', () => {
  it('gives all of them each time', async () => {
    inTurn(
      { status: 404, index: 1 },
      { index: 5, body: [rawEntry('p/a', '1', 5)] },
      { index: 6, body: [rawEntry('p/a', '1', 5)] },
      { index: 7, body: [rawEntry('p/a', '1', 5), rawEntry('p/b', '2', 7)] },
      { index: 9, body: [rawEntry('p/b', '2', 7)] },
    );
    const seen: string[][] = [];
    for await (const entries of kv.watchList('p/')) {
      seen.push(entries.map(({ key, value }) => `${key}=${value}`));
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([[], ['p/a=1'], ['p/a=1', 'p/b=2'], ['p/b=2']]);
    expect(urls()[0]).toBe('p/?recurse');
  });
});

describe('waiting for one change', () => {
  it('resolves with what comes after an index, also where it is there already', async () => {
    inTurn(holding('new', 9));
    expect(await kv.wait('a', 5)).toMatchObject({ value: 'new', modifyIndex: 9 });
    inTurn(holding('old', 9), holding('new', 12));
    expect(await kv.wait('a', 9)).toMatchObject({ value: 'new' });
  });

  it('resolves with nothing where the key is deleted, and with it where it appears', async () => {
    inTurn(holding('old', 9), missing(12));
    expect(await kv.wait('a', 9)).toBeUndefined();
    inTurn(missing(12), holding('new', 15));
    expect(await kv.wait('a', 0)).toMatchObject({ value: 'new' });
  });

  it('rejects when the client is closed, and with the reason of its signal', async () => {
    let held = 0;
    agent.script = (_asked, response) => {
      if (held++ > 0) return undefined;
      say(response, missing(1));
      return undefined;
    };
    const controller = new AbortController();
    const aborted = expect(kv.wait('a', 0, { signal: controller.signal })).rejects.toBe('enough');
    const closed = expect(kv.wait('a', 0)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => held === 3);
    controller.abort('enough');
    await aborted;
    http.close();
    await closed;
  });
});
