import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServiceNotFoundError } from '../../src/errors.ts';
import { ask, backend, backends, failed, held, httpWorld, refusing, until } from './http/world.ts';

const url = 'http://web.service.consul/';
const secure = 'https://web.service.consul/';
/** Nobody has asked for it yet. */
const unknown = 'http://unknown.service.consul/';

/** Accepts connections and says nothing, so that no TLS handshake ever ends. */
async function mute() {
  const accepted: net.Socket[] = [];
  const server = net.createServer((socket) => void accepted.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, accepted };
}

/** What a request says of itself, in order. */
function storyOf(request: http.ClientRequest): string[] {
  const story: string[] = [];
  request.on('error', (error: NodeJS.ErrnoException) => story.push(`error ${error.code ?? error.message}`));
  for (const event of ['socket', 'timeout', 'response', 'abort', 'close'])
    request.on(event, () => story.push(event));
  return story;
}

describe('a connection that is not made', () => {
  it('is tried once more elsewhere, and the error says what was tried', async () => {
    const ports = [await refusing(), await refusing(), await refusing()];
    const world = await httpWorld(ports);
    const error = await failed(ask(url, { agent: world.agent() }));
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', cause: { code: 'ECONNREFUSED' } });
    expect(error.attempts.map(({ endpoint }: { endpoint: { port: number } }) => endpoint.port)).toEqual(
      ports.slice(0, 2),
    );
    expect(error.message).toMatch(/^web\.service\.consul: all 2 attempts to connect failed\. Attempt 1, 127/);
    expect(world.told).toMatchObject(
      ports.slice(0, 2).map((port) => ({ port, outcome: { ok: false, error: { code: 'ECONNREFUSED' } } })),
    );
    expect(world.inFlight()).toBe(0);
  });

  it('is tried as often as `retries` says', async () => {
    const dead = [await refusing(), await refusing()];
    const one = await backend();
    const world = await httpWorld([...dead, one.port]);
    expect((await ask(url, { agent: world.agent({ retries: 2 }) })).status).toBe(200);
    expect(world.told.map(({ port }) => port)).toEqual([...dead, one.port]);
  });

  it('is tried once only with `retries: 0`, and the error passes as it is', async () => {
    const world = await httpWorld([await refusing(), await refusing()]);
    const error = await failed(ask(url, { agent: world.agent({ retries: 0 }) }));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
    expect(world.told).toHaveLength(1);
  });

  it('is tried at the only one there is', async () => {
    const port = await refusing();
    const world = await httpWorld([port]);
    const error = await failed(ask(url, { agent: world.agent() }));
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED' });
    expect(world.told).toHaveLength(2);
  });

  it('takes no retry that the budget does not have, and passes the error as it is', async () => {
    const world = await httpWorld([await refusing(), (await backend()).port], {
      retryBudget: { share: 0, perSecond: 0 },
    } as never);
    const error = await failed(ask(url, { agent: world.agent() }));
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect' });
  });

  it('puts a fifth of a retry into the budget for each request, and takes one for each retry', async () => {
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([one.port, one.port, dead, one.port]);
    const before = world.web.stats().retriesLeft;
    const agent = world.agent();
    for (let i = 0; i < 5; i++) await ask(url, { agent });
    const retries = world.told.filter(({ outcome }) => !outcome.ok).length;
    expect(retries).toBeGreaterThan(0);
    expect(world.web.stats().retriesLeft).toBe(before + 1 - retries);
  });

  it('counts as failed after connectTimeout, the TLS handshake included', async () => {
    const [silent, one] = [await mute(), await backend(undefined, { tls: 'web' })];
    const world = await httpWorld([silent.port, one.port]);
    const asked = ask(secure, { agent: world.tlsAgent() });
    await until(() => silent.accepted.length === 1);
    await world.clock.advance(1_999);
    expect(world.told).toEqual([]);
    await world.clock.advance(1);
    expect((await asked).body).toBe(`hello from ${one.port}`);
    expect(world.told[0]).toMatchObject({
      port: silent.port,
      outcome: { ok: false, elapsed: 2_000, error: { code: 'ERR_TIMEOUT' } },
    });
    expect(world.told[0]!.outcome.error).toMatchObject({
      message: `web.service.consul: no connection to 127.0.0.1:${silent.port} in 2000 ms.`,
    });
  });

  it('leaves no timer behind', async () => {
    const [one, dead] = [await backend(), await refusing()];
    const world = await httpWorld([dead, one.port]);
    const before = world.clock.pending;
    await ask(url, { agent: world.agent() });
    expect(world.clock.pending).toBe(before);
  });

  it('goes elsewhere where the handshake fails', async () => {
    const [bad, good] = [
      await backend(undefined, { tls: 'stranger' }),
      await backend(undefined, { tls: 'web' }),
    ];
    const world = await httpWorld([bad.port, good.port]);
    expect((await ask(secure, { agent: world.tlsAgent() })).body).toBe(`hello from ${good.port}`);
    expect(bad.asked).toEqual([]);
  });

  it('takes a free connection where it goes', async () => {
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([one.port, dead, one.port]);
    const agent = world.agent();
    for (let i = 0; i < 4; i++) await ask(url, { agent });
    expect(one.accepted).toHaveLength(1);
    expect(Object.keys(agent.freeSockets)).toEqual([`127.0.0.1:${one.port}:`]);
  });

  it('is no reason to repeat what was sent', async () => {
    const [one, other] = [await backend(({ socket }) => socket.destroy()), await backend()];
    const world = await httpWorld([one.port, other.port]);
    expect(await failed(ask(url, { agent: world.agent() }))).toMatchObject({ code: 'ECONNRESET' });
    expect(other.asked).toEqual([]);
  });
});

describe('a request without a connection', () => {
  it('ends at once when it is destroyed while one is made', async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const agent = world.tlsAgent();
    const request = https.get(secure, { agent });
    const story = storyOf(request);
    await until(() => silent.accepted.length === 1);
    request.destroy();
    await until(() => story.length === 2 && held(agent) === 0);
    expect(story).toEqual(['error ECONNRESET', 'close']);
    expect(world.told).toEqual([{ port: silent.port, outcome: { ok: false, aborted: true } }]);
    expect(Object.hasOwn(request, 'destroy')).toBe(false);
  });

  it('ends with the error it is destroyed with, and abort() without one', async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const agent = world.tlsAgent();
    const stop = new AbortController();
    const endings: [(request: http.ClientRequest) => void, string[]][] = [
      [(request) => request.destroy(new Error('enough')), ['error enough', 'close']],
      [(request) => request.abort(), ['abort', 'close']],
      [() => stop.abort(), ['error ABORT_ERR', 'close']],
    ];
    for (const [end, expected] of endings) {
      const request = https.get(secure, { agent, signal: stop.signal });
      const story = storyOf(request);
      await until(() => silent.accepted.length > 0);
      end(request);
      await until(() => story.includes('close'));
      expect(story.sort()).toEqual(expected.sort());
    }
    expect(world.inFlight()).toBe(0);
    await until(() => held(agent) === 0);
  });

  it('is destroyed in the very turn in which it is made', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    for (let round = 0; round < 2; round++) {
      const request = http.get(url, { agent });
      const story = storyOf(request);
      request.destroy();
      await until(() => story.includes('close'));
      expect(story).toEqual(['error ECONNRESET', 'close']);
      expect(world.inFlight()).toBe(0);
      // Now there is a free connection for the second round.
      await ask(url, { agent });
    }
    await until(() => held(agent) === 1);
  });

  it('keeps a destroy() that somebody put over it', async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const request = https.get(secure, { agent: world.tlsAgent() });
    const story = storyOf(request);
    const { destroy } = request;
    request.destroy = (error) => {
      story.push('mine');
      return destroy.call(request, error);
    };
    await until(() => silent.accepted.length === 1);
    request.destroy();
    await until(() => story.includes('close'));
    expect(story).toEqual(['mine', 'error ECONNRESET', 'close']);
    expect(Object.hasOwn(request, 'destroy')).toBe(true);
  });

  it("hears of Node's timeout while one is made", async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const request = https.get(secure, { agent: world.tlsAgent(), timeout: 20 });
    const story = storyOf(request);
    request.on('timeout', () => request.destroy());
    await until(() => story.includes('close'));
    expect(story).toEqual(['timeout', 'error ECONNRESET', 'close']);
    expect(world.told).toMatchObject([{ outcome: { ok: false } }]);
    expect(world.told[0]!.outcome.aborted).toBeUndefined();
  });

  it('waits on in its queue when the agent is destroyed, as in Node', async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const agent = world.tlsAgent({ maxSockets: 1 });
    const stories = [0, 1].map(() => storyOf(https.get(secure, { agent })));
    await until(() => silent.accepted.length === 1);
    // The connection that is made for the second one now goes the same way.
    agent.destroy();
    await until(() => silent.accepted.length === 2);
    agent.destroy();
    await until(() => silent.accepted.length === 3);
    expect(stories).toEqual([['error ECONNRESET', 'close'], []]);
    await world.clock.advance(2_000);
    await until(() => stories[1]!.length > 0 || silent.accepted.length === 4);
    await world.clock.advance(2_000);
    await until(() => stories[1]!.length > 0);
    expect(stories[1]).toEqual(['error ERR_RETRIES_EXHAUSTED', 'close']);
  });

  it('hangs up when the agent is destroyed, as in Node', async () => {
    const silent = await mute();
    const world = await httpWorld([silent.port]);
    const agent = world.tlsAgent();
    const request = https.get(secure, { agent });
    const story = storyOf(request);
    await until(() => silent.accepted.length === 1);
    agent.destroy();
    await until(() => story.includes('close'));
    expect(story).toEqual(['error ECONNRESET', 'close']);
    expect(world.told).toMatchObject([{ outcome: { aborted: true } }]);
  });

  it('fails with one error of ours, where there is no list', async () => {
    const world = await httpWorld([1]);
    world.source.answer = new ServiceNotFoundError('web.service.consul: NXDOMAIN');
    const request = http.get(unknown, { agent: world.agent() });
    const story = storyOf(request);
    await until(() => story.includes('close'));
    expect(story).toEqual(['error ERR_SERVICE_NOT_FOUND', 'close']);
  });

  it('ends at once when it is destroyed while the list is awaited', async () => {
    const world = await httpWorld([1]);
    const open = world.source.hold();
    const request = http.get(unknown, { agent: world.agent() });
    const story = storyOf(request);
    request.destroy(new Error('enough'));
    await until(() => story.includes('close'));
    expect(story).toEqual(['error enough', 'close']);
    open();
    expect(world.told).toEqual([]);
  });

  it("hears of Node's timeout while the list is awaited", async () => {
    const world = await httpWorld([1]);
    const open = world.source.hold();
    const request = http.get(unknown, { agent: world.agent(), timeout: 500 });
    const story = storyOf(request);
    await world.clock.advance(500);
    expect(story).toEqual(['timeout']);
    request.destroy();
    open();
    await until(() => story.includes('close'));
  });

  it('fails when every instance carries what it may', async () => {
    const one = await backend(() => {});
    const world = await httpWorld([one.port], { maxInFlight: 1 });
    const agent = world.agent();
    const first = http.get(url, { agent }).on('error', () => {});
    await until(() => one.asked.length === 1);
    expect(await failed(ask(url, { agent }))).toMatchObject({ code: 'ERR_OVERLOADED' });
    first.destroy();
  });
});

describe('a queue for maxSockets', () => {
  it('is as long as it must be, for each instance', async () => {
    const two = await backends(2);
    const world = await httpWorld(two.map(({ port }) => port));
    const agent = world.agent({ maxSockets: 2 });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(url, { agent })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(two.map(({ asked }) => asked.length)).toEqual([20, 20]);
    expect(two.map(({ accepted }) => accepted.length)).toEqual([2, 2]);
    expect(world.inFlight()).toBe(0);
  });

  it('for maxTotalSockets goes on over all instances', async () => {
    const three = await backends(3);
    const world = await httpWorld(three.map(({ port }) => port));
    const agent = world.agent({ maxTotalSockets: 2 });
    await Promise.all(
      Array.from({ length: 30 }, () => ask(url, { agent, headers: { connection: 'close' } })),
    );
    expect(three.map(({ asked }) => asked.length)).toEqual([10, 10, 10]);
    await until(() => held(agent) === 0);
  });

  it('moves on when no connection can be made, each to another instance', async () => {
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([dead, one.port], { retryBudget: false });
    const agent = world.agent({ maxSockets: 1 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(url, { agent })));
    expect(answers.map(({ body }) => body)).toEqual(Array(20).fill(`hello from ${one.port}`));
    expect(world.told.filter(({ outcome }) => !outcome.ok)).toHaveLength(10);
    await until(() => held(agent) === 1);
  });

  it('where all fail, each request fails once', async () => {
    const world = await httpWorld([await refusing(), await refusing()], { retryBudget: false });
    const agent = world.agent({ maxSockets: 1 });
    const stories = Array.from({ length: 20 }, () => storyOf(http.get(url, { agent })));
    await until(() => stories.every((story) => story.includes('close')));
    expect(stories).toEqual(Array(20).fill(['error ERR_RETRIES_EXHAUSTED', 'close']));
    expect(world.inFlight()).toBe(0);
    await until(() => held(agent) === 0);
  });

  it('is left at once by what is destroyed', async () => {
    const answers: http.ServerResponse[] = [];
    const one = await backend((_request, response) => void answers.push(response));
    const world = await httpWorld([one.port]);
    const agent = world.agent({ maxSockets: 1 });
    const first = ask(url, { agent });
    const second = http.get(url, { agent });
    const third = ask(url, { agent });
    const story = storyOf(second);
    await until(() => answers.length === 1);
    expect(world.inFlight()).toBe(3);
    second.destroy();
    await until(() => story.includes('close'));
    expect(story).toEqual(['error ECONNRESET', 'close']);
    expect(world.inFlight()).toBe(2);
    answers[0]!.end('1');
    await first;
    await until(() => answers.length === 2);
    answers[1]!.end('2');
    expect((await third).body).toBe('2');
    expect(one.accepted).toHaveLength(1);
  });

  it('that is empty when its connection is there leaves nothing', async () => {
    const answers: http.ServerResponse[] = [];
    const one = await backend((_request, response) => void answers.push(response));
    const world = await httpWorld([one.port]);
    const agent = world.agent({ maxSockets: 1 });
    const first = http.get(url, { agent }).on('error', () => {});
    const second = http.get(url, { agent }).on('error', () => {});
    await until(() => answers.length === 1);
    // The second gets a connection of its own, and is gone before that is made.
    const closed = new Promise((resolve) => first.once('close', resolve));
    first.destroy();
    await closed;
    second.destroy();
    await until(() => held(agent) === 0);
    expect(world.inFlight()).toBe(0);
  });
});

describe('who made a request', () => {
  it('is known to all that comes of it, whatever else was going on', async () => {
    const scope = new AsyncLocalStorage<number>();
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([dead, one.port], {}, { retryBudget: false });
    const agent = world.agent({ maxSockets: 1 });
    const seen = await Promise.all(
      Array.from(
        { length: 10 },
        (_, i) =>
          new Promise((resolve, reject) => {
            const answered = (response: http.IncomingMessage) => {
              resolve(scope.getStore() === i);
              response.resume();
            };
            scope.run(i, () => http.get(unknown, { agent }, answered).on('error', reject));
          }),
      ),
    );
    expect(seen).toEqual(Array(10).fill(true));
  });

  it('is known to what fails', async () => {
    const scope = new AsyncLocalStorage<number>();
    const world = await httpWorld([await refusing(), await refusing()], { retryBudget: false });
    const agent = world.agent({ maxSockets: 1 });
    const seen = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        scope.run(
          i,
          () =>
            new Promise((resolve) => {
              http.get(url, { agent }).on('error', () => resolve(scope.getStore() === i));
            }),
        ),
      ),
    );
    expect(seen).toEqual(Array(6).fill(true));
  });
});
