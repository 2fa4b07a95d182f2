import { once } from 'node:events';
import * as http from 'node:http';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/random.ts';
import { ask, at, backend, backends, failed, held, httpWorld, refusing, until } from './http/world.ts';

const url = 'http://web.service.consul/';

describe('connections to an instance that leaves', () => {
  it('are closed where they are idle, and kept again when it returns', async () => {
    const [one, two] = await backends(2);
    const world = await httpWorld([one!.port, two!.port]);
    const agent = world.agent();
    for (let i = 0; i < 4; i++) await ask(url, { agent });
    expect(held(agent)).toBe(2);

    world.source.answer = { addresses: at(two!.port) };
    await world.web.refresh();
    await until(() => held(agent) === 1 && one!.accepted[0]!.destroyed);
    expect(Object.keys(agent.freeSockets)).toEqual([`127.0.0.1:${two!.port}:`]);

    world.source.answer = { addresses: at(one!.port, two!.port) };
    await world.web.refresh();
    for (let i = 0; i < 4; i++) await ask(url, { agent });
    expect([one!.accepted.length, two!.accepted.length, held(agent)]).toEqual([2, 1, 2]);
  });

  it('finish what is under way on them, and are not kept then', async () => {
    const answers: http.ServerResponse[] = [];
    const [one, two] = [await backend((_request, response) => void answers.push(response)), await backend()];
    const world = await httpWorld([one.port, two.port]);
    const agent = world.agent();
    const asked = ask(url, { agent });
    await until(() => answers.length === 1);
    world.source.answer = { addresses: at(two.port) };
    await world.web.refresh();
    expect(one.accepted[0]!.destroyed).toBe(false);
    answers[0]!.end('done');
    expect((await asked).body).toBe('done');
    await until(() => held(agent) === 0);
  });

  it('stay where another service has it in its list', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    world.discovery.service('other', { addresses: [`127.0.0.1:${one.port}`] });
    await ask(url, { agent });
    await ask('http://other.service.consul/', { agent });
    expect(one.accepted).toHaveLength(1);
    world.source.answer = { addresses: at(1) };
    await world.web.refresh();
    expect(held(agent)).toBe(1);
    await ask('http://other.service.consul/', { agent });
    expect(one.accepted).toHaveLength(1);
  });

  it('are closed with their service', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    await ask(url, { agent });
    world.web.close();
    await until(() => held(agent) === 0);
    await ask(url, { agent });
    expect(held(agent)).toBe(1);
  });

  it('do not take those to other hosts with them', async () => {
    const [one, foreign] = await backends(2);
    const world = await httpWorld([one!.port]);
    const agent = world.agent();
    await ask(`http://localhost:${foreign!.port}/`, { agent });
    await ask(url, { agent });
    await world.discovery.close();
    await until(() => held(agent) === 1);
    await ask(`http://localhost:${foreign!.port}/`, { agent });
    expect(foreign!.accepted).toHaveLength(1);
  });
});

describe('agent.destroy()', () => {
  it('closes all there is, and the agent can be used again', async () => {
    const one = await backend(({ url: path }, response) => void (path === '/' && response.end('x')));
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    await ask(url, { agent });
    const asked = failed(ask(`${url}slow`, { agent }));
    await until(() => one.asked.length === 2);
    agent.destroy();
    expect(await asked).toMatchObject({ code: 'ECONNRESET' });
    await until(() => held(agent) === 0 && world.inFlight() === 0);
    expect((await ask(url, { agent })).body).toBe('x');
    expect(held(agent)).toBe(1);
    world.source.answer = { addresses: at(1) };
    await world.web.refresh();
    await until(() => held(agent) === 0);
  });
});

describe('discovery.close()', () => {
  it('waits for what is under way, queues too, and leaves no connection', async () => {
    const answers: http.ServerResponse[] = [];
    const one = await backend((_request, response) => void answers.push(response));
    const world = await httpWorld([one.port]);
    const agent = world.agent({ maxSockets: 1 });
    const asked = [ask(url, { agent }), ask(url, { agent })];
    await until(() => answers.length === 1);
    let closed = false;
    const closing = world.discovery.close().then(() => {
      closed = true;
    });
    answers[0]!.end('1');
    await until(() => answers.length === 2);
    expect(closed).toBe(false);
    answers[1]!.end('2');
    await closing;
    expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(['1', '2']);
    await until(() => held(agent) === 0);
  });

  it('is an error for requests that come after it', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    await world.discovery.close();
    expect(await failed(ask(url, { agent }))).toMatchObject({ code: 'ERR_CLOSED' });
    expect(() => world.agent()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('does not wait for what was upgraded: its socket is the callers', async () => {
    const one = await backend();
    one.server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    const world = await httpWorld([one.port]);
    const headers = { connection: 'upgrade', upgrade: 'x' };
    const request = http.get(url, { agent: world.agent(), headers });
    const [, socket] = await once(request, 'upgrade');
    await world.discovery.close();
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    await until(() => world.inFlight() === 0);
  });
});

describe('2 000 requests, some of them given up at random', () => {
  it('leave nothing in flight, and no connection after destroy()', { timeout: 120_000 }, async () => {
    const random = createRandom(7);
    const waits: http.ServerResponse[] = [];
    const three = await backends(3, ({ url: path, socket }, response) => {
      if (path === '/slow') waits.push(response);
      else if (path === '/break') socket.destroy();
      else if (path === '/half') response.writeHead(200, { 'content-length': 10 }).write('half');
      else response.end('x'.repeat(path === '/long' ? 200_000 : 10));
    });
    const ports = [await refusing(), ...three.map(({ port }) => port)];
    const world = await httpWorld(ports, { retryBudget: false });
    const agent = world.agent({ maxSockets: 8 });
    const paths = ['', '', '', 'long', 'slow', 'break', 'half'];
    let under = 0;
    for (let i = 0; i < 2_000; i++) {
      const path = paths[random.below(paths.length)]!;
      const request = http.get(`${url}${path}`, { agent });
      under++;
      request
        .on('error', () => {})
        .on('close', () => under--)
        .on('response', (response) => {
          response.on('error', () => {}).resume();
          if (path === 'half') response.destroy();
        });
      const patience = random.below(40);
      if (patience === 0) request.destroy();
      else if (patience < 10 || path === 'slow') void giveUp(request, patience);
      if (i % 32 === 0) await until(() => under < 64);
    }
    await until(() => under === 0);
    await until(() => world.inFlight() === 0);
    // Whatever was given to an instance came to an end, once.
    expect(world.told.length).toBeGreaterThan(2_000);
    expect(world.told).toHaveLength(world.keys.length);
    expect(new Set(world.web.endpoints.map(({ inFlight }) => inFlight))).toEqual(new Set([0]));
    agent.destroy();
    await until(() => held(agent) === 0);
    for (const response of waits) response.destroy();
  });
});

/** After so many turns of the event loop. */
async function giveUp(request: http.ClientRequest, turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
  request.destroy();
}
