import { once } from 'node:events';
import * as http from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { HttpAgentOptions } from '../../src/adapter/http.ts';
import { backend, httpWorld } from './http/world.ts';

const url = 'http://web.service.consul/';

/** One request to a server that says so much of its keep-alive; then the connection rests, or does not. */
async function rested(hint: string | undefined, options: HttpAgentOptions = {}) {
  const one = await backend((_request, response) => {
    if (hint !== undefined) response.setHeader('keep-alive', hint);
    response.end('hello');
  });
  const world = await httpWorld([one.port]);
  const agent = world.agent(options);
  const get = async (more: http.RequestOptions = {}) => {
    const request = http.get(url, { agent, ...more });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const [socket] = one.accepted.slice(-1);
    response.resume();
    await once(request, 'close');
    return { request, socket };
  };
  await get();
  const free = () => Object.values(agent.freeSockets).flat() as Socket[];
  return { agent, one, get, free };
}

describe('a connection that rests', () => {
  it('is given up a second before the server said it would close it', async () => {
    const { free } = await rested('timeout=5');
    expect(free().map(({ timeout }) => timeout)).toEqual([4_000]);
  });

  it('is given up after the time of the agent, where that is shorter', async () => {
    const short = await rested('timeout=5', { timeout: 1_500 });
    expect(short.free().map(({ timeout }) => timeout)).toEqual([1_500]);
    const long = await rested('timeout=5, max=100', { timeout: 60_000 });
    expect(long.free().map(({ timeout }) => timeout)).toEqual([4_000]);
  });

  it('is kept for as long as it lasts, where the server says nothing', async () => {
    for (const hint of [undefined, 'max=100', 'rubbish']) {
      const { free } = await rested(hint);
      expect(free().map(({ timeout }) => timeout ?? 0)).toEqual([0]);
    }
  });

  it('is none where the server closes too soon to be sure', async () => {
    const { free } = await rested('timeout=1');
    expect(free()).toEqual([]);
  });

  it('has no limit left over when it works again, but that of the request', async () => {
    const { agent, get, one, free } = await rested('timeout=5');
    const [socket] = free();
    const limits: (number | undefined)[] = [];
    const reuse = agent.reuseSocket;
    agent.reuseSocket = (used, request) => {
      reuse.call(agent, used, request);
      limits.push((used as Socket).timeout);
    };
    await get();
    await get({ timeout: 7_000 });
    expect(one.accepted).toHaveLength(1);
    expect(limits).toEqual([0, 0]);
    expect(free()).toEqual([socket]);
    expect(socket!.timeout).toBe(4_000);
  });
});
