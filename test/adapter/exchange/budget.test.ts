import { describe, expect, it } from 'vitest';
import { RetriesExhaustedError } from '../../../src/errors.ts';
import { closed, exchangeWorld, refused } from './exchange-world.ts';

describe('the retry budget of the service', () => {
  const budget = { share: 0.5, perSecond: 0 };

  it('gets a deposit for each request, once, and not for its retries', async () => {
    const world = await exchangeWorld({ service: { retryBudget: budget }, retries: 3 });
    const left = () => world.web.stats().retriesLeft;
    expect(left()).toBe(0);
    for (let i = 0; i < 4; i++) {
      world.ask('old');
      world.transport.last.respond(200);
    }
    expect(left()).toBe(2);
    world.ask('old');
    world.transport.last.fail(refused());
    await world.settle();
    // Two and a half, less the one that was taken.
    expect(left()).toBe(1);
    world.transport.last.respond(200);
    world.ask('old');
    expect(left()).toBe(2);
  });

  it('ends the retries where it is spent', async () => {
    const world = await exchangeWorld({ service: { retryBudget: budget }, retryOn: [503] });
    const asker = world.ask('old');
    world.transport.last.fail(refused());
    expect(asker.error).toBeInstanceOf(RetriesExhaustedError);
    expect((asker.error as Error).message).toBe(
      'web.service.consul: the retry budget of the service (retryBudget) is spent. Attempt 1, 10.0.0.1:80, 0 ms: connect ECONNREFUSED.',
    );
  });

  it('makes a 503 the answer where it is spent', async () => {
    const world = await exchangeWorld({
      service: { retryBudget: { share: 0, perSecond: 0 } },
      retryOn: [503],
    });
    const asker = world.ask('old');
    world.transport.last.respond(503);
    expect(asker.told).toEqual(['begin', 'head 503', 'data body', 'end']);
  });

  it('is not asked for what is not repeated', async () => {
    const world = await exchangeWorld({ service: { retryBudget: { share: 1, perSecond: 0 } } });
    world.ask('old', { method: 'POST' });
    world.transport.last.begin().fail(closed());
    expect(world.web.stats().retriesLeft).toBe(1);
  });

  it('gets nothing for a request that was shed', async () => {
    const world = await exchangeWorld({
      list: 'a',
      service: { maxInFlight: 1, retryBudget: { share: 1, perSecond: 0 } },
    });
    world.ask('old');
    const shed = world.ask('old');
    expect(shed.error).toMatchObject({ code: 'ERR_OVERLOADED' });
    expect(world.web.stats().retriesLeft).toBe(1);
  });

  it('bounds nothing where there is none', async () => {
    const world = await exchangeWorld({ service: { retryBudget: false }, list: 'a', retries: 100, drawn: 0 });
    world.ask('old');
    for (let i = 0; i < 100; i++) {
      world.transport.last.fail(refused());
      await world.clock.advance(1);
    }
    expect(world.transport.sent).toHaveLength(101);
  });
});
