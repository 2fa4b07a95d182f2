import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Dispatcher } from 'undici';
import { describe, expect, it, vi } from 'vitest';
import { createDispatcher, type DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { ClosedError, InvalidOptionError } from '../../src/index.ts';
import { notFound } from '../scripted-source.ts';
import { readyWorld } from '../service-world.ts';
import { echo, type Instance, instance, instances, listOf, ownPort } from './undici-instances.ts';
import { loadable } from './undici-majors.ts';

/** Answers `/` at once, and all else when it is told to. */
function onDemand() {
  const waiting: ServerResponse[] = [];
  const answer: RequestListener = (request, response) => {
    if (request.url === '/') ownPort(request, response);
    else waiting.push(response);
  };
  return {
    answer,
    async asked(count = 1) {
      await vi.waitFor(() => expect(waiting.length).toBe(count), { interval: 1 });
    },
    release() {
      for (const response of waiting.splice(0)) response.end('at last');
    },
  };
}

/** Becomes true some time soon. */
const soon = (what: () => void) => vi.waitFor(what, { interval: 2, timeout: 5_000 });

const open = (of: readonly Instance[]) => of.map(({ sockets }) => sockets.size);
const accepted = (of: readonly Instance[]) => of.map((each) => each.accepted);

describe.each(loadable)('connections, $name', ({ undici }) => {
  function client(discovery: Discovery, options: DispatcherOptions = {}) {
    const dispatcher = createDispatcher(discovery, { undici, ...options });
    const get = async (url = 'http://web.service.consul/', more: object = {}) => {
      const { statusCode, body } = await undici.request(url, { dispatcher, ...more });
      const text = await body.text();
      // undici sees that a connection is free again a moment after the end of the body.
      await new Promise(setImmediate);
      return { statusCode, text };
    };
    return { dispatcher, get };
  }

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

  describe('of other hosts', () => {
    it('are those of an Agent of its own, closed with it', async () => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      for (let i = 0; i < 3; i++) await get(`http://127.0.0.1:${one.port}/`);
      expect(one.accepted).toBe(1);
      await discovery.close();
      await soon(() => expect(open([one])).toEqual([0]));
    });

    it('are the business of `others`, which is left open', async () => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const others = new undici.Agent();
      const { get } = client(discovery, { others });
      await get(`http://127.0.0.1:${one.port}/`);
      await discovery.close();
      expect(one.sockets.size).toBe(1);
      const { body } = await undici.request(`http://127.0.0.1:${one.port}/`, { dispatcher: others });
      await body.text();
      expect(one.accepted).toBe(1);
      await others.close();
    });

    it('come to nothing where there is no such host, with the error as it is', async () => {
      const { discovery } = await readyWorld();
      const { get } = client(discovery);
      await expect(get('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
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

  describe('names', () => {
    it('are those of the service in the Host header, unless the request brings one', async () => {
      const one = await instance(echo);
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      const hostOf = async (headers: unknown) =>
        JSON.parse((await get('http://v1.web.service.consul/', { headers })).text).headers.host;
      expect(await hostOf({})).toBe('v1.web.service.consul');
      expect(await hostOf({ Host: 'shop.example.com' })).toBe('shop.example.com');
      expect(await hostOf(['host', 'shop.example.com'])).toBe('shop.example.com');
      expect(await hostOf(new Map([['host', 'shop.example.com']]))).toBe('shop.example.com');
      expect(one.accepted).toBe(1);
    });

    it("are the endpoint's with hostHeader: 'endpoint'", async () => {
      const one = await instance(echo);
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery, { hostHeader: 'endpoint' });
      const hostOf = async (headers: object) =>
        JSON.parse((await get(undefined, { headers })).text).headers.host;
      expect(await hostOf({})).toBe(`127.0.0.1:${one.port}`);
      expect(await hostOf({ host: 'shop.example.com' })).toBe('shop.example.com');
    });
  });

  describe('ports', () => {
    it('of the URL are an error, unless they are to override', async () => {
      const [one, two] = await instances(2, echo);
      const { discovery } = await readyWorld({}, listOf(one!));
      await expect(client(discovery).get('http://web.service.consul:8080/')).rejects.toMatchObject({
        code: 'ERR_INVALID_NAME',
      });
      const { get } = client(discovery, { port: 'override' });
      const { headers, port } = JSON.parse((await get(`http://web.service.consul:${two!.port}/`)).text);
      expect(port).toBe(two!.port);
      expect(headers.host).toBe(`web.service.consul:${two!.port}`);
      expect(JSON.parse((await get()).text).port).toBe(one!.port);
    });

    it('are those of the URL for a node, whose ports DNS does not know', async () => {
      const one = await instance(echo);
      const list = { addresses: [{ host: '127.0.0.1', port: 0, priority: 1, weight: 1 }] };
      const { discovery } = await readyWorld({}, list);
      const { get } = client(discovery);
      const { headers, port } = JSON.parse((await get(`http://x.node.consul:${one.port}/`)).text);
      expect(port).toBe(one.port);
      expect(headers.host).toBe(`x.node.consul:${one.port}`);
    });
  });

  it('lead to IPv6 endpoints', async () => {
    const two = [await instance(echo, '::1'), await instance(echo)];
    const { discovery } = await readyWorld({}, listOf(...two));
    const plain = client(discovery);
    const own = client(discovery, { hostHeader: 'endpoint' });
    const hosts = new Set<string>();
    for (let i = 0; i < 2; i++) hosts.add(JSON.parse((await plain.get()).text).headers.host);
    for (let i = 0; i < 2; i++) hosts.add(JSON.parse((await own.get()).text).headers.host);
    expect(hosts).toEqual(
      new Set(['web.service.consul', `[::1]:${two[0]!.port}`, `127.0.0.1:${two[1]!.port}`]),
    );
  });

  describe('that an instance closes as a request is on its way', () => {
    /** Two instances with an open connection each; whoever gets the next request ends its connection, once. */
    async function closing() {
      let armed = false;
      const two = await instances(2, (request, response) => {
        if (armed) {
          armed = false;
          request.socket.destroy();
        } else ownPort(request, response);
      });
      const { discovery, web } = await readyWorld({}, listOf(...two));
      const { get } = client(discovery);
      await get();
      await get();
      armed = true;
      return { two, web, get };
    }

    it('have a GET repeated elsewhere', async () => {
      const { get, two, web } = await closing();
      expect((await get()).statusCode).toBe(200);
      expect(two.map(({ requests }) => requests).sort()).toEqual([2, 2]);
      expect(accepted(two)).toEqual([1, 1]);
      expect(web.stats().inFlight).toBe(0);
    });

    it('have a POST fail with the error as it is, once', async () => {
      const { get, two, web } = await closing();
      await expect(get(undefined, { method: 'POST', body: 'x' })).rejects.toMatchObject({
        code: 'UND_ERR_SOCKET',
        name: 'SocketError',
      });
      expect(two.map(({ requests }) => requests).sort()).toEqual([1, 2]);
      expect(web.stats().inFlight).toBe(0);
    });
  });

  it.each([{ connections: -1 }, { keepAliveTimeout: 'long' }, { connect: 'me' }, { headersTimeout: 0.5 }])(
    'are not made with what undici does not take: %o',
    async (pool) => {
      const { discovery } = await readyWorld();
      expect(() => client(discovery, { pool: pool as never })).toThrow(InvalidOptionError);
      expect(() => client(discovery, { pool: pool as never })).toThrow(/^createDispatcher\.pool: /);
    },
  );

  describe('that are not made', () => {
    const timeouts: [DispatcherOptions['pool'], number][] = [
      [undefined, 2_000],
      [{ connectTimeout: 300 }, 300],
      [{ connect: { timeout: 400 } }, 400],
    ];
    it.each(timeouts)('are given up: pool: %o', async (pool, timeout) => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const buildConnector = vi.fn(undici.buildConnector);
      const { get } = client(discovery, {
        undici: { ...undici, buildConnector },
        ...(pool !== undefined && { pool }),
      });
      await get();
      expect(buildConnector).toHaveBeenCalledWith(expect.objectContaining({ timeout }));
    });

    it('in time, not even to their TLS, have any request repeated elsewhere', async () => {
      const silent = createServer(() => {}).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const { discovery, web } = await readyWorld({}, listOf(...(await instances(2, echo))));
      const connect = undici.buildConnector({ timeout: 50 });
      const seen: string[] = [];
      const { get } = client(discovery, {
        pool: {
          connect: ((options: object, callback: never) => {
            seen.push((options as { protocol: string }).protocol);
            // The first attempt comes to one who never says anything.
            if (seen.length > 1)
              undici.buildConnector({})({ ...(options as object), protocol: 'http:' } as never, callback);
            else connect({ ...(options as object), port: String(port) } as never, callback);
          }) as never,
        },
      });
      const { text } = await get('https://web.service.consul/', { method: 'POST', body: 'x' });
      expect(JSON.parse(text)).toMatchObject({ method: 'POST', body: 'x' });
      expect(seen).toEqual(['https:', 'https:']);
      expect(web.stats().inFlight).toBe(0);
      silent.close();
    });

    it("by a connector of one's own are told of as they are; it is told where to go", async () => {
      const connect = vi.fn((_options: unknown, callback: (error: Error, socket: null) => void) => {
        queueMicrotask(() => callback(Object.assign(new Error('no way'), { code: 'NO_WAY' }), null));
      });
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery, { pool: { connect: connect as never }, retries: 0 });
      await expect(get()).rejects.toMatchObject({ code: 'NO_WAY' });
      expect(connect.mock.calls[0]![0]).toMatchObject({
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: String(one.port),
        host: 'web.service.consul',
      });
    });
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
