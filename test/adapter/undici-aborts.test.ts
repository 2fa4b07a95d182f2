import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import * as undici from 'undici';
import { type Dispatcher, request } from 'undici';
import { describe, expect, it } from 'vitest';
import { createDispatcher } from '../../src/adapter/undici.ts';
import { createDiscovery, type Service } from '../../src/index.ts';
import { createRandom, type Random } from '../../src/random.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { scriptedSource } from '../scripted-source.ts';

const requests = 100_000;
const atOnce = 100;
const seed = 7;
/** Each request, and the answer of an attempt before that nobody waits for, which is still read. */
const mostInFlight = 2 * atOnce;

/** How an instance answers: by the path that is asked for. */
const answers: Record<string, (response: ServerResponse) => void> = {
  '/at-once': (response) => void response.end('done'),
  '/late': (response) => void setTimeout(() => response.end('done'), 3),
  '/in-parts': (response) => {
    response.write('do');
    setTimeout(() => response.end('ne'), 3);
  },
  '/large': (response) => void response.end(Buffer.alloc(100_000)),
  '/failing': (response) => void response.writeHead(503).end('failed'),
  '/broken': (response) => void response.destroy(),
  '/half': (response) => {
    response.writeHead(200, { 'content-length': '4' });
    response.write('do', () => response.destroy());
  },
  '/never': () => {},
};

/** When a caller gives up. `undefined`: never. */
const moments: Record<string, ((random: Random) => Promise<unknown>) | undefined> = {
  never: undefined,
  'before it begins': undefined,
  'in the same turn': () => Promise.resolve(),
  'a turn later': () => turn(),
  'while it is under way': (random) => sleep(random.below(6)),
  'as it reads the body': undefined,
};

/** Well-behaved ones several times: connections are to be used again, too. */
const paths = [...Array<string>(16).fill('/at-once'), ...Object.keys(answers)];
const usual = [...Array<string>(12).fill('never'), ...Object.keys(moments)];

/** A reason of its own for each abort, so that no caller is told another's. No Error: a hundred thousand stacks would take longest of all. */
class GaveUp {}

/** One request as `when` and `path` have it. @returns what it came to. */
async function play(dispatcher: Dispatcher, path: string, when: string, random: Random): Promise<string> {
  const controller = new AbortController();
  const reason = new GaveUp();
  const giveUp = () => controller.abort(reason);
  if (when === 'before it begins') giveUp();
  // What never answers has to be given up some time.
  const moment = moments[when] ?? (path === '/never' ? () => sleep(5) : undefined);
  const body = [undefined, undefined, 'text', () => Readable.from(['a', 'stream'])][random.below(4)];
  try {
    const asked = request(`http://web.service.consul${path}`, {
      dispatcher,
      signal: controller.signal,
      method: body === undefined ? 'GET' : 'POST',
      body: typeof body === 'function' ? body() : (body ?? null),
    });
    void moment?.(random).then(giveUp);
    const response = await asked;
    if (when === 'as it reads the body') giveUp();
    const text = await response.body.text();
    if (response.statusCode !== 200) return `status ${response.statusCode}`;
    return text.length === (path === '/large' ? 100_000 : 4) ? 'answered' : `${text.length} bytes`;
  } catch (error) {
    if (error === reason) return 'given up';
    if (error instanceof GaveUp) return "told of another's abort";
    return 'failed';
  }
}

/** undici, and the pools that were made of it. */
function observed() {
  const pools: undici.Pool[] = [];
  class Pool extends undici.Pool {
    constructor(...args: ConstructorParameters<typeof undici.Pool>) {
      super(...args);
      pools.push(this);
    }
  }
  return { open: () => pools.filter(({ destroyed }) => !destroyed).length, module: { ...undici, Pool } };
}

describe('a dispatcher under callers that give up', () => {
  it(`leaves nothing in flight, no pool and no socket after ${requests} requests, endpoints coming and going`, async () => {
    const random = createRandom(seed);
    const servers = await Promise.all(Array.from({ length: 6 }, () => serve()));
    const addresses = servers.map(addressOf);
    const source = scriptedSource({ addresses });
    const discovery = createDiscovery({ source });
    const peer = observed();
    const dispatcher = createDispatcher(discovery, {
      retries: 2,
      retryOn: [502, 503, 504],
      undici: peer.module,
    });
    const web = discovery.service('web');

    const outcomes = new Map<string, number>();
    const wrong: string[] = [];
    let begun = 0;
    const caller = async () => {
      while (begun < requests) {
        if (++begun % 2_000 === 0) {
          // Another four of the six.
          const from = random.below(6);
          source.answer = { addresses: [...addresses, ...addresses].slice(from, from + 4) };
          await web.refresh();
        }
        const path = paths[random.below(paths.length)]!;
        const when = usual[random.below(usual.length)]!;
        const outcome = await play(dispatcher, path, when, random);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (!isPossible(path, when, outcome)) wrong.push(`${path}, given up ${when}: ${outcome}`);
        for (const { inFlight, address } of web.endpoints)
          if (inFlight < 0 || inFlight > mostInFlight) wrong.push(`${inFlight} in flight at ${address}`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, caller));
    console.info(
      `${requests} requests: ${[...outcomes].map(([what, times]) => `${times} ${what}`).join(', ')}`,
    );

    expect(wrong).toEqual([]);
    for (const what of ['answered', 'given up', 'failed']) expect(outcomes.get(what)).toBeGreaterThan(1_000);
    // The responses that nobody waits for any more come to their end.
    await expect.poll(() => web.stats().inFlight).toBe(0);
    source.answer = { addresses };
    await web.refresh();
    expect(inFlightOf(web)).toEqual([0, 0, 0, 0, 0, 0]);

    // Those that have left are closed, the others as the discovery is.
    source.answer = { addresses: addresses.slice(0, 2) };
    await web.refresh();
    for (const gone of servers.slice(2)) await expect.poll(() => connections(gone)).toBe(0);
    expect(peer.open()).toBeLessThanOrEqual(2);
    await discovery.close();
    expect(peer.open()).toBe(0);
    for (const server of servers) await expect.poll(() => connections(server)).toBe(0);
    for (const server of servers) server.close();
  }, 300_000);
});

/** What cannot be: an answer that was never given, a failure of what cannot fail, an abort that nobody asked for. */
function isPossible(path: string, when: string, outcome: string): boolean {
  if (when === 'before it begins') return outcome === 'given up';
  const givesUp = when !== 'never' || path === '/never';
  if (outcome === 'given up') return givesUp;
  if (outcome === 'failed') return path === '/broken' || path === '/half';
  if (outcome === 'status 503') return path === '/failing';
  return outcome === 'answered' && ['/at-once', '/late', '/in-parts', '/large'].includes(path);
}

async function serve(): Promise<Server> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.on('error', () => {});
    response.on('error', () => {});
    answers[incoming.url!]!(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function addressOf(server: Server): Address {
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, priority: 1, weight: 1 };
}

function connections(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

function inFlightOf(web: Service): number[] {
  return web.endpoints.map(({ inFlight }) => inFlight);
}
