import type { RequestListener, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { describe, expect, it } from 'vitest';
import type { DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { ClosedError } from '../../src/index.ts';
import { readyWorld } from '../service-world.ts';
import { accepted, clientOf, onDemand, open, soon } from './undici-client.ts';
import { instance, instances, listOf } from './undici-instances.ts';
import { loadable } from './undici-majors.ts';

describe.each(loadable)('the end of connections, $name', ({ undici }) => {
  const client = (discovery: Discovery, options?: DispatcherOptions) => clientOf(undici, discovery, options);

  describe('when the discovery closes', () => {
    it('finish what is under way, and then nothing is left', async () => {
      const gate = onDemand();
      const two = await instances(2, gate.answer);
      const { discovery } = await readyWorld({}, listOf(...two));
      const { get } = client(discovery);
      await Promise.all([get(), get(), get(), get()]);
      const late = [get('http://web.service.consul/one'), get('http://web.service.consul/two')];
      await gate.asked(2);
      let closed = false;
      const closing = discovery.close().then(() => {
        closed = true;
      });
      await expect(get()).rejects.toThrow(ClosedError);
      expect(closed).toBe(false);
      gate.release();
      expect(await Promise.all(late)).toEqual(Array(2).fill({ statusCode: 200, text: 'at last' }));
      await closing;
      await soon(() => expect(open(two)).toEqual([0, 0]));
    });

    it('have the requests that wait for a first list fail', async () => {
      const one = await instance();
      const { discovery, source, web } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      web.close();
      const answer = source.hold();
      const waiting = get();
      await discovery.close();
      answer();
      await expect(waiting).rejects.toThrow(ClosedError);
      expect(one.accepted).toBe(0);
    });

    it('leaves no handle of any kind', async () => {
      const kinds = () => {
        const counts: Record<string, number> = {};
        for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
        const { TCPSocketWrap = 0, TLSWrap = 0, TCPConnectWrap = 0 } = counts;
        return TCPSocketWrap + TLSWrap + TCPConnectWrap;
      };
      const three = await instances(3);
      const before = kinds();
      const { discovery } = await readyWorld({}, listOf(...three));
      const { get } = client(discovery);
      await Promise.all(Array.from({ length: 12 }, () => get()));
      await get(`http://127.0.0.1:${three[0]!.port}/`);
      expect(kinds()).toBeGreaterThan(before);
      await discovery.close();
      await soon(() => expect(kinds()).toBe(before));
    });
  });

  describe('when the dispatcher is closed', () => {
    const forms = {
      'by a promise': (dispatcher: Dispatcher) => dispatcher.close(),
      'with a call back': (dispatcher: Dispatcher) =>
        new Promise<unknown>((resolve) => {
          expect(dispatcher.close(resolve as () => void)).toBeUndefined();
        }),
    };
    it.each(Object.entries(forms))('%s, requests finish', async (_, close) => {
      const gate = onDemand();
      const one = await instance(gate.answer);
      const { discovery, web } = await readyWorld({}, listOf(one));
      const { dispatcher, get } = client(discovery);
      const late = get('http://web.service.consul/wait');
      await gate.asked();
      const closing = close(dispatcher);
      const state = dispatcher as unknown as { closed: boolean; destroyed: boolean };
      expect(state).toMatchObject({ closed: true, destroyed: false });
      await expect(get()).rejects.toThrow(ClosedError);
      gate.release();
      expect((await late).text).toBe('at last');
      expect((await closing) ?? null).toBe(null);
      expect(state).toMatchObject({ closed: true, destroyed: true });
      await soon(() => expect(open([one])).toEqual([0]));
      // The service is not the dispatcher's.
      expect(web.pick().port).toBe(one.port);
      await dispatcher.close();
      await dispatcher.destroy();
    });

    it('waits for a request that waits for a first list, and leaves no connection', async () => {
      const one = await instance();
      const { discovery, source, web } = await readyWorld({}, listOf(one));
      const { dispatcher, get } = client(discovery);
      web.close();
      const answer = source.hold();
      const waiting = get();
      let closed = false;
      const closing = dispatcher.close().then(() => {
        closed = true;
      });
      await new Promise(setImmediate);
      expect(closed).toBe(false);
      answer();
      expect((await waiting).text).toBe(String(one.port));
      await closing;
      await soon(() => expect(open([one])).toEqual([0]));
    });

    it('waits for a second attempt elsewhere', async () => {
      const refusals: ServerResponse[] = [];
      const refuses: RequestListener = (_request, response) => void refusals.push(response);
      const two = await instances(2, refuses);
      const { discovery } = await readyWorld({}, listOf(...two));
      const { dispatcher, get } = client(discovery, { retryOn: [503] });
      const asked = get();
      await soon(() => expect(refusals.length).toBe(1));
      let closed = false;
      const closing = dispatcher.close().then(() => {
        closed = true;
      });
      refusals.pop()!.writeHead(503).end();
      await soon(() => expect(refusals.length).toBe(1));
      expect(closed).toBe(false);
      refusals.pop()!.end('well');
      expect((await asked).text).toBe('well');
      await closing;
      await soon(() => expect(open(two)).toEqual([0, 0]));
    });
  });

  describe('when the dispatcher is destroyed', () => {
    const reason = new Error('enough of it');
    const forms: Record<string, [(dispatcher: Dispatcher) => Promise<unknown>, unknown]> = {
      'by a promise': [(dispatcher) => dispatcher.destroy(), expect.any(Error)],
      'by a promise, with an error': [(dispatcher) => dispatcher.destroy(reason), reason],
      'with null': [(dispatcher) => dispatcher.destroy(null), expect.any(Error)],
      'with a call back': [
        (dispatcher) => new Promise((resolve) => dispatcher.destroy(resolve as () => void)),
        expect.any(Error),
      ],
      'with an error and a call back': [
        (dispatcher) => new Promise((resolve) => dispatcher.destroy(reason, resolve as () => void)),
        reason,
      ],
      'after close()': [
        (dispatcher) => {
          const closing = dispatcher.close();
          return Promise.all([closing, dispatcher.destroy(reason)]);
        },
        reason,
      ],
    };
    it.each(Object.entries(forms))('%s, requests end', async (_, [destroy, error]) => {
      const gate = onDemand();
      const one = await instance(gate.answer);
      const { discovery, web } = await readyWorld({}, listOf(one));
      const { dispatcher, get } = client(discovery, { retries: 0 });
      const late = get('http://web.service.consul/wait').catch((thrown) => thrown);
      await gate.asked();
      await destroy(dispatcher);
      expect(await late).toEqual(error);
      await soon(() => expect(open([one])).toEqual([0]));
      expect(web.stats().inFlight).toBe(0);
      await expect(get()).rejects.toThrow(ClosedError);
    });

    it('has no second attempt follow', async () => {
      const gate = onDemand();
      const two = await instances(2, gate.answer);
      const { discovery, web } = await readyWorld({}, listOf(...two));
      const { dispatcher, get } = client(discovery, { retries: 5 });
      const late = get('http://web.service.consul/wait').catch((thrown) => thrown);
      await gate.asked();
      await dispatcher.destroy(reason);
      expect(await late).toBe(reason);
      expect(accepted(two).sort()).toEqual([0, 1]);
      expect(web.stats().inFlight).toBe(0);
    });

    it('breaks off a body that is on its way, for fetch too', async () => {
      const one = await instance((_request, response) => void response.writeHead(200).write('half'));
      const { discovery, web } = await readyWorld({}, listOf(one));
      const { dispatcher } = client(discovery);
      const { body } = await undici.request('http://web.service.consul/', { dispatcher });
      const responses = [
        await undici.fetch('http://web.service.consul/', { dispatcher }),
        await fetch('http://web.service.consul/', { dispatcher } as never),
      ];
      const texts = [body.text(), ...responses.map((response) => response.text())];
      const ends = Promise.allSettled(texts);
      await dispatcher.destroy(reason);
      expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(web.stats().inFlight).toBe(0);
      await soon(() => expect(open([one])).toEqual([0]));
    });

    it('ends a request that waits for a first list', async () => {
      const one = await instance();
      const { discovery, source, web } = await readyWorld({}, listOf(one));
      const { dispatcher, get } = client(discovery);
      web.close();
      const answer = source.hold();
      const waiting = get().catch((thrown) => thrown);
      await dispatcher.destroy(reason);
      expect(await waiting).toBe(reason);
      answer();
      await new Promise(setImmediate);
      expect(one.accepted).toBe(0);
    });
  });
});
