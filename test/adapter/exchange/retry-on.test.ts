import { describe, expect, it } from 'vitest';
import { RetriesExhaustedError } from '../../../src/errors.ts';
import { closed, exchangeWorld, refused } from './exchange-world.ts';
import { manners, type Sent } from './scripted-transport.ts';

describe('a function that decides', () => {
  it('is told of the endpoint, the attempt, the request and what happened', async () => {
    const asked: unknown[] = [];
    const world = await exchangeWorld({ retries: 2, retryOn: (failed) => asked.push(failed) > 0 });
    const error = closed();
    world.ask('new', { method: 'POST', path: '/users' });
    world.transport.last.begin().fail(error);
    await world.settle();
    world.transport.last.respond(429, { 'x-why': 'busy' });
    await world.settle();
    const [a, b] = world.web.endpoints;
    const request = { method: 'POST', path: '/users' };
    expect(asked).toEqual([
      { ...request, endpoint: a, attempt: 1, error },
      { ...request, endpoint: b, attempt: 2, status: 429, headers: { 'x-why': 'busy' } },
    ]);
  });

  it('sees headers by their names in the old manner, too', async () => {
    let headers: unknown;
    const world = await exchangeWorld({
      retryOn: (failed) => {
        headers = failed.headers;
        return false;
      },
    });
    world.ask('old');
    world.transport.last.respond(404, { 'X-Why': 'gone' });
    expect({ ...(headers as object) }).toEqual({ 'x-why': 'gone' });
  });

  it.each([200, 204, 301, 399])('is not asked of a %i', async (status) => {
    const world = await exchangeWorld({
      retryOn: () => {
        throw new Error('must not be asked');
      },
    });
    const asker = world.ask('old');
    world.transport.last.respond(status);
    expect(asker.told.at(-1)).toBe('end');
    expect(world.path).toBe('a');
  });

  it('is not asked where nothing may follow', async () => {
    let asked = 0;
    const world = await exchangeWorld({ retries: 0, retryOn: () => ++asked > 0 });
    world.ask('old');
    world.transport.last.respond(503);
    expect(asked).toBe(0);
  });

  it('that throws makes no attempt, and the error says so', async () => {
    const world = await exchangeWorld({
      retryOn: () => {
        throw new Error('no idea');
      },
    });
    const asker = world.ask('old');
    world.transport.last.fail(refused());
    expect(asker.error).toBeInstanceOf(RetriesExhaustedError);
    expect((asker.error as Error).message).toBe(
      'web.service.consul: no further attempt: retryOn threw: no idea. Attempt 1, 10.0.0.1:80, 0 ms: connect ECONNREFUSED.',
    );
  });

  it('that throws at a response leaves that as the answer', async () => {
    const world = await exchangeWorld({
      retryOn: () => {
        throw new Error('no idea');
      },
    });
    const asker = world.ask('old');
    world.transport.last.respond(503);
    expect(asker.told).toEqual(['begin', 'head 503', 'data body', 'end']);
  });

  it.each(manners)('may end the request instead, in the %s manner', async (manner) => {
    for (const fail of [(sent: Sent) => sent.respond(503), (sent: Sent) => sent.fail(refused())]) {
      const world = await exchangeWorld({
        list: 'a',
        timeout: 1_000,
        retryOn: () => {
          asker.abort(new Error('enough'));
          return true;
        },
      });
      const asker = world.ask(manner);
      fail(world.transport.last);
      expect(world.timers).toBe(0);
      await world.clock.advance(5_000);
      expect(asker.told).toEqual(['begin', 'error: enough']);
      expect(world.path).toBe('a');
      expect(world.inFlight).toBe(0);
      expect(world.timers).toBe(0);
    }
  });
});
