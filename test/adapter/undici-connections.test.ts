import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Dispatcher } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import type { DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { notFound } from '../scripted-source.ts';
import { readyWorld } from '../service-world.ts';
import { accepted, clientOf, onDemand, open, soon } from './undici-client.ts';
import { instance, instances, listOf } from './undici-instances.ts';
import { loadable } from './undici-majors.ts';

describe.each(loadable)('connections, $name', ({ undici }) => {
  const client = (discovery: Discovery, options?: DispatcherOptions) => clientOf(undici, discovery, options);

  describe('of endpoints', () => {
    it('are one each for requests one after the other, over refreshes too', async () => {
      const three = await instances(3);
      const { discovery, web, source } = await readyWorld({}, listOf(...three));
      const { get } = client(discovery);
      for (let i = 0; i < 30; i++) {
        if (i % 10 === 5) {
          // Another order, another weight: the same endpoints.
          source.answer = { addresses: listOf(...three).addresses.map((each) => ({ ...each, weight: i })) };
          await web.refresh();
        }
        await get();
      }
      expect(three.map(({ requests }) => requests).reduce((a, b) => a + b)).toBe(30);
      expect(accepted(three)).toEqual([1, 1, 1]);
    });

    it('are as many as there are requests at a time, and no more than `connections`', async () => {
      const gate = onDemand();
      const one = await instance(gate.answer);
      const { discovery } = await readyWorld({}, listOf(one));
      const many = client(discovery);
      const asked = Array.from({ length: 5 }, () => many.get('http://web.service.consul/wait'));
      await gate.asked(5);
      expect(one.accepted).toBe(5);
      gate.release();
      await Promise.all(asked);

      const few = client(discovery, { pool: { connections: 2 } });
      const more = Array.from({ length: 5 }, () => few.get('http://web.service.consul/wait'));
      await gate.asked(2);
      expect(one.accepted).toBe(7);
      const releasing = setInterval(gate.release, 2);
      await Promise.all(more);
      clearInterval(releasing);
      expect(one.accepted).toBe(7);
    });

    it('are those of one scheme and one name', async () => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      for (let i = 0; i < 3; i++) {
        await get('http://web.service.consul/');
        await get('http://WEB.service.consul/');
        await get('http://web.service.consul:80/');
      }
      expect(one.accepted).toBe(1);
      await get('http://v1.web.service.consul/');
      expect(one.accepted).toBe(2);
    });

    it('are closed at once where an idle endpoint leaves', async () => {
      const three = await instances(3);
      const { discovery, web, source } = await readyWorld({}, listOf(...three));
      const { get } = client(discovery);
      for (let i = 0; i < 3; i++) await get();
      expect(open(three)).toEqual([1, 1, 1]);
      source.answer = listOf(three[0]!, three[1]!);
      await web.refresh();
      await soon(() => expect(open(three)).toEqual([1, 1, 0]));
    });

    it('are closed when what was under way is done, where a busy endpoint leaves', async () => {
      const gate = onDemand();
      const [stays, leaves] = [await instance(), await instance(gate.answer)];
      const { discovery, web, source } = await readyWorld({}, listOf(leaves));
      const { get } = client(discovery);
      const late = [get('http://web.service.consul/one'), get('http://web.service.consul/two')];
      await gate.asked(2);
      source.answer = listOf(stays);
      await web.refresh();
      expect((await get()).text).toBe(String(stays.port));
      expect(open([leaves])).toEqual([2]);
      gate.release();
      expect(await Promise.all(late)).toEqual(Array(2).fill({ statusCode: 200, text: 'at last' }));
      await soon(() => expect(open([leaves])).toEqual([0]));
      expect(open([stays])).toEqual([1]);
    });

    it('are used again where an endpoint returns while something is under way there', async () => {
      const gate = onDemand();
      const [stays, returns] = [await instance(), await instance(gate.answer)];
      const { discovery, web, source } = await readyWorld({}, listOf(returns));
      const { get } = client(discovery);
      const late = get('http://web.service.consul/wait');
      await gate.asked();
      source.answer = listOf(stays);
      await web.refresh();
      source.answer = listOf(returns);
      await web.refresh();
      gate.release();
      expect((await late).text).toBe('at last');
      for (let i = 0; i < 5; i++) expect((await get()).text).toBe(String(returns.port));
      expect(accepted([stays, returns])).toEqual([0, 1]);
      expect(open([returns])).toEqual([1]);
    });

    it('are made anew where an endpoint returns later', async () => {
      const [stays, returns] = await instances(2);
      const { discovery, web, source } = await readyWorld({}, listOf(returns!));
      const { get } = client(discovery);
      await get();
      source.answer = listOf(stays!);
      await web.refresh();
      await soon(() => expect(open([returns!])).toEqual([0]));
      source.answer = listOf(returns!);
      await web.refresh();
      expect((await get()).text).toBe(String(returns!.port));
      expect(accepted([returns!])).toEqual([2]);
    });

    it('follow a list that changes from refresh to refresh, and none is left over', async () => {
      const eight = await instances(8);
      const { discovery, web, source } = await readyWorld({}, listOf(...eight));
      const { get } = client(discovery);
      for (let round = 0; round < 40; round++) {
        const from = (round * 3) % 8;
        const now = [...eight, ...eight].slice(from, from + 3);
        source.answer = listOf(...now);
        await web.refresh();
        await Promise.all(Array.from({ length: 6 }, () => get()));
        const left = eight.filter((each) => !now.includes(each));
        await soon(() => expect(open(left)).toEqual([0, 0, 0, 0, 0]));
      }
      expect(web.stats().inFlight).toBe(0);
    });
  });

  describe('when the service ends', () => {
    it('are closed, those under way when they are done; the next request begins a new service', async () => {
      const gate = onDemand();
      const one = await instance(gate.answer);
      const { discovery, web } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      await get();
      const late = get('http://web.service.consul/wait');
      await gate.asked();
      web.close();
      expect((await get()).text).toBe(String(one.port));
      expect(discovery.service('web')).not.toBe(web);
      gate.release();
      expect((await late).text).toBe('at last');
      // Only that of the new one.
      await soon(() => expect(open([one])).toEqual([1]));
      expect(accepted([one])).toEqual([2]);
    });

    it('go with a service that makes room for others', async () => {
      const one = await instance();
      const { discovery, warnings } = await readyWorld({}, listOf(one), { maxServices: 4 });
      const { get } = client(discovery);
      for (let i = 0; i < 12; i++)
        expect((await get(`http://name-${i}.service.consul/`)).statusCode).toBe(200);
      expect(warnings.map(({ code }) => code)).toContain('SERVICE_EVICTED');
      await soon(() => expect(open([one])).toEqual([4]));
      expect((await get('http://name-0.service.consul/')).statusCode).toBe(200);
    });
  });

  it('do not pile up where host names come without end', async () => {
    const one = await instance();
    const { discovery, source, web } = await readyWorld({}, listOf(one), { maxServices: 100 });
    const others = { dispatch: answerNothing } as never;
    const { get, dispatcher } = client(discovery, { others, pool: { connections: 1 } });
    await get();
    const follow = vi.spyOn(web, 'follow');
    for (let i = 0; i < 10_000; i++) {
      await outcome(dispatcher, `http://host-${i}.example.com`);
      if (i % 100 === 0) await get();
    }
    // Those of the service are still the first ones.
    expect(follow).not.toHaveBeenCalled();
    expect(one.accepted).toBe(1);

    source.answer = notFound();
    const grown: number[] = [];
    for (let i = 0; i < 10_000; i += 50) {
      const ends = await Promise.all(
        Array.from({ length: 50 }, (_, j) => outcome(dispatcher, `http://none-${i + j}.service.consul`)),
      );
      expect(new Set(ends.map((each) => (each as Error).name))).toEqual(new Set(['ServiceNotFoundError']));
      // The source's own memory.
      (source.asked as unknown[]).length = 0;
      if (i === 2_000 || i === 9_950) grown.push(await heapUsed());
    }
    expect(discovery.stats().services.length).toBeLessThanOrEqual(100);
    // A hundred bytes and more for each of 8 000 would be too much.
    expect(grown[1]! - grown[0]!).toBeLessThan(1_000_000);
  });
});

/** What came of a request: its status or its error. */
function outcome(dispatcher: Dispatcher, origin: string): Promise<unknown> {
  return new Promise((resolve) => {
    dispatcher.dispatch({ origin, path: '/', method: 'GET' }, {
      onRequestStart() {},
      onResponseStart: (_controller: unknown, status: number) => resolve(status),
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_controller: unknown, error: unknown) => resolve(error),
    } as never);
  });
}

/** Bytes, of what is still in use. */
async function heapUsed(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await new Promise(setImmediate);
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** Another dispatcher, which answers with an empty body. */
function answerNothing(_options: unknown, handler: Record<string, (...args: unknown[]) => unknown>): boolean {
  const controller = { abort() {}, pause() {}, resume() {}, rawHeaders: [], rawTrailers: [] };
  if (handler.onRequestStart !== undefined) {
    handler.onRequestStart(controller, {});
    handler.onResponseStart?.(controller, 200, {}, 'OK');
    handler.onResponseEnd?.(controller, {});
  } else {
    handler.onConnect?.(() => {});
    handler.onHeaders?.(200, [], () => {}, 'OK');
    handler.onComplete?.([]);
  }
  return true;
}
