import type { RequestListener } from 'node:http';
import * as undici from 'undici';
import { describe, expect, it } from 'vitest';
import { createFetch, interceptor } from '../../src/adapter/undici.ts';
import { readyWorld } from '../service-world.ts';
import { echo, instance } from './undici-instances.ts';

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

describe('through the interceptor', () => {
  /** What reached the server of a request with such headers. */
  async function echoed(url: string, headers: NonNullable<undici.Dispatcher.RequestOptions['headers']>) {
    const one = await instance(echo);
    const { discovery } = await readyWorld({}, { addresses: [one.address] });
    const dispatcher = new undici.Agent().compose(interceptor(discovery, { port: 'override' }));
    const { body } = await undici.request(url.replace('PORT', String(one.port)), { dispatcher, headers });
    const seen = (await body.json()) as Echo;
    await dispatcher.close();
    return { ...seen.headers, host: seen.headers['host']?.replace(String(one.port), 'PORT') };
  }

  it('the Host header has the port of the URL, where that holds', async () => {
    expect(await echoed('http://web.service.consul:PORT/', {})).toMatchObject({
      host: 'web.service.consul:PORT',
    });
    expect(await echoed('http://web.service.consul/', {})).toMatchObject({ host: 'web.service.consul' });
  });

  it.each([
    ['an object', { 'x-a': '1', 'x-b': '2' }],
    ['a flat list', ['x-a', '1', 'x-b', '2']],
    [
      'a Map',
      new Map([
        ['x-a', '1'],
        ['x-b', '2'],
      ]),
    ],
  ])('headers come whole, as %s', async (_how, headers) => {
    const expected = { host: 'web.service.consul', 'x-a': '1', 'x-b': '2' };
    expect(await echoed('http://web.service.consul/', headers as never)).toMatchObject(expected);
  });

  it.each([
    ['an object', { Host: 'own.example' }],
    ['a flat list', ['Host', 'own.example']],
  ])('a Host of the caller stays, as %s', async (_how, headers) => {
    expect(await echoed('http://web.service.consul/', headers as never)).toMatchObject({
      host: 'own.example',
    });
  });
});

describe('createFetch()', () => {
  it('sends no body a second time that a redirect has left behind', async () => {
    let broken = false;
    const answer: RequestListener = (request, response) => {
      if (request.method === 'POST') response.writeHead(303, { location: '/after' }).end();
      else if (broken) echo(request, response);
      else {
        broken = true;
        request.socket.destroy();
      }
    };
    // Two, so that the second attempt need not wait.
    const two = [await instance(answer), await instance(answer)];
    const { discovery } = await readyWorld({}, { addresses: two.map(({ address }) => address) });
    const fetch = createFetch(discovery);
    const answered = await fetch('http://web.service.consul/', { method: 'POST', body: 'secret' });
    expect(broken).toBe(true);
    expect(await answered.json()).toMatchObject({ method: 'GET', url: '/after', body: '' });
  });

  it('leaves a request to the dispatcher that the caller brings', async () => {
    const [listed, other] = [await instance(), await instance()];
    const { discovery, web } = await readyWorld({}, { addresses: [listed.address] });
    const dispatcher = new undici.Pool(`http://127.0.0.1:${other.port}`);
    const fetch = createFetch(discovery) as unknown as typeof undici.fetch;
    const answer = await fetch('http://web.service.consul/', { dispatcher });
    expect(await answer.text()).toBe(String(other.port));
    expect([listed.requests, web.stats().inFlight]).toEqual([0, 0]);
    await dispatcher.close();
  });
});

describe('a dispatcher that closes', () => {
  it('does not wait for connections of requests that were given up', async () => {
    const answers: (() => void)[] = [];
    const one = await instance((_request, response) => void answers.push(() => response.end()));
    const { discovery, web } = await readyWorld({}, { addresses: [one.address] });
    const { createDispatcher } = await import('../../src/adapter/undici.ts');
    const dispatcher = createDispatcher(discovery, { pool: { connections: 1 } });
    const abort = new AbortController();
    const given = Array.from({ length: 50 }, () =>
      undici.request('http://web.service.consul/', { dispatcher, signal: abort.signal }).catch(() => {}),
    );
    await expect.poll(() => answers.length).toBe(1);
    abort.abort();
    await Promise.all(given);
    expect(web.stats().inFlight).toBe(0);
    await dispatcher.close();
    // One of them was being answered; none of the others has been connected for.
    expect([one.accepted, one.requests]).toEqual([1, 1]);
  });
});
