import type { RequestListener, ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import {
  createDispatcher,
  createFetch,
  type DispatcherOptions,
  interceptor,
} from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { readyWorld } from '../service-world.ts';
import { authority, certificate } from './undici-certificates.ts';
import { h2Instance, listOf } from './undici-instances.ts';
import { loadable, nodeMajor } from './undici-majors.ts';

const url = 'https://web.service.consul/';
const connect = { ca: authority };
const both = { ...certificate('web'), allowHTTP1: true };

/** Says which version it was asked in, under which name. */
const versions: RequestListener = (request, response) => {
  request.resume();
  const authorityAsked = request.headers[':authority'] ?? request.headers.host;
  response.writeHead(200, {
    'x-version': request.httpVersion,
    'x-authority': String(authorityAsked),
    'set-cookie': ['a=1', 'b=2'],
  });
  response.end('x'.repeat(100_000));
};

describe.each(loadable)('HTTP/2, $name', ({ name, undici }) => {
  const h2 = { connect, allowH2: true };
  // undici 7 opens a connection for what it cannot send now, and takes `pipelining` for the number of streams.
  const multiplexed = name === 'undici 7' ? { ...h2, connections: 1, pipelining: 100 } : h2;

  function client(discovery: Discovery, options: DispatcherOptions = {}) {
    const dispatcher = createDispatcher(discovery, { undici, pool: h2, ...options });
    const get = async (more: object = {}) => {
      const { statusCode, headers, body } = await undici.request(url, { dispatcher, ...more });
      const text = await body.text();
      await new Promise(setImmediate);
      return { statusCode, headers, text };
    };
    return { dispatcher, get };
  }

  it('is spoken with allowH2, under the name of the service', async () => {
    const two = [await h2Instance(both, versions), await h2Instance(both, versions)];
    const { discovery, web } = await readyWorld({}, listOf(...two));
    const { get } = client(discovery);
    for (let i = 0; i < 8; i++) {
      const { headers, text } = await get();
      expect(headers).toMatchObject({ 'x-version': '2.0', 'x-authority': 'web.service.consul' });
      expect(headers['set-cookie']).toEqual(['a=1', 'b=2']);
      expect(text).toHaveLength(100_000);
    }
    // One session each.
    expect(two.map(({ accepted }) => accepted)).toEqual([1, 1]);
    expect(web.stats().inFlight).toBe(0);
  });

  it(`is ${name === 'undici 7' ? 'not ' : ''}what it speaks when nobody says anything`, async () => {
    const one = await h2Instance(both, versions);
    const { discovery } = await readyWorld({}, listOf(one));
    const { get } = client(discovery, { pool: { connect } });
    const expected = name === 'undici 7' ? '1.1' : '2.0';
    expect((await get()).headers['x-version']).toBe(expected);
  });

  it('is not spoken with allowH2: false', async () => {
    const one = await h2Instance(both, versions);
    const { discovery } = await readyWorld({}, listOf(one));
    const { get } = client(discovery, { pool: { connect, allowH2: false } });
    expect((await get()).headers['x-version']).toBe('1.1');
  });

  it('carries many requests at a time over one connection to each endpoint', async () => {
    const waiting: ServerResponse[] = [];
    const late: RequestListener = (_request, response) => void waiting.push(response);
    const two = [await h2Instance(both, late), await h2Instance(both, late)];
    const { discovery, web } = await readyWorld({}, listOf(...two));
    const { get } = client(discovery, { pool: multiplexed });
    const asked = Array.from({ length: 20 }, () => get());
    await vi.waitFor(() => expect(waiting.length).toBe(20), { interval: 2 });
    expect(two.map(({ accepted }) => accepted)).toEqual([1, 1]);
    expect(web.endpoints.map(({ inFlight }) => inFlight)).toEqual([10, 10]);
    for (const response of waiting) response.end('late');
    expect(new Set((await Promise.all(asked)).map(({ text }) => text))).toEqual(new Set(['late']));
    expect(web.stats().inFlight).toBe(0);
  });

  it('ends an aborted request and no other', async () => {
    const waiting: ServerResponse[] = [];
    const one = await h2Instance(both, (_request, response) => void waiting.push(response));
    const { discovery, web } = await readyWorld({}, listOf(one));
    const { get } = client(discovery, { pool: multiplexed });
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = get({ signal: controller.signal }).catch((error) => error);
    const second = get();
    await vi.waitFor(() => expect(waiting.length).toBe(2), { interval: 2 });
    controller.abort(reason);
    expect(await first).toBe(reason);
    expect(web.stats().inFlight).toBe(1);
    for (const response of waiting) response.end('late');
    expect((await second).text).toBe('late');
    expect(one.accepted).toBe(1);
    expect(web.stats().inFlight).toBe(0);
  });

  it('is drained when the discovery closes', async () => {
    const waiting: ServerResponse[] = [];
    const one = await h2Instance(both, (_request, response) => void waiting.push(response));
    const { discovery } = await readyWorld({}, listOf(one));
    const { get } = client(discovery);
    const asked = get();
    await vi.waitFor(() => expect(waiting.length).toBe(1), { interval: 2 });
    const closing = discovery.close();
    waiting[0]!.end('late');
    expect((await asked).text).toBe('late');
    await closing;
    await vi.waitFor(() => expect(one.sockets.size).toBe(0), { interval: 2 });
  });

  it('is spoken by createFetch()', async () => {
    const one = await h2Instance(both, versions);
    const { discovery } = await readyWorld({}, listOf(one));
    const response = await createFetch(discovery, { undici, pool: h2 })(url);
    expect(response.headers.get('x-version')).toBe('2.0');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.text()).toHaveLength(100_000);
  });

  // undici 8 keeps HTTP/2 from the fetch of these, which would take several headers of one name for one.
  const expected = name === 'undici 8' && nodeMajor < 26 ? '1.1' : '2.0';
  it(`is ${expected === '2.0' ? '' : 'not '}what the global fetch of Node ${nodeMajor} gets; it understands all of it`, async () => {
    const one = await h2Instance(both, versions);
    const { discovery } = await readyWorld({}, listOf(one));
    const composed = new undici.Agent(h2).compose(interceptor(discovery, { undici }));
    for (const dispatcher of [client(discovery).dispatcher, composed]) {
      const response = await fetch(url, { dispatcher } as unknown as RequestInit);
      expect(response.headers.get('x-version')).toBe(expected);
      // An undici 7 that composes without us tells the fetch of Node 20 and 22 of several headers as of one.
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
      expect(await response.text()).toHaveLength(100_000);
    }
  });

  it('goes through the interceptor', async () => {
    const one = await h2Instance(both, versions);
    const { discovery } = await readyWorld({}, listOf(one));
    const dispatcher = new undici.Agent(h2).compose(interceptor(discovery, { undici }));
    const { headers, body } = await undici.request(url, { dispatcher });
    expect(headers).toMatchObject({ 'x-version': '2.0', 'x-authority': 'web.service.consul' });
    expect(await body.text()).toHaveLength(100_000);
  });
});
