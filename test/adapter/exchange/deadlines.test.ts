import { describe, expect, it } from 'vitest';
import { RequestTimeoutError, RetriesExhaustedError } from '../../../src/errors.ts';
import { closed, exchangeWorld, refused } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`attemptTimeout in the ${manner} manner`, () => {
    it('goes to the next endpoint while the connection is being made, whatever the method', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100 });
      const asker = world.ask(manner, { method: 'POST', body: 'text' });
      await world.clock.advance(99);
      expect(world.path).toBe('a');
      await world.clock.advance(1);
      expect(world.path).toBe('ab');
      expect(world.said).toEqual(['a failed 100']);
      // Undici cannot be told before: it hears of it as soon as it asks.
      const [first] = world.transport.sent;
      first!.begin();
      expect(first!.aborted).toMatchObject({
        reason: { message: 'web.service.consul: 10.0.0.1:80 did not answer in 100 ms.' },
      });
      world.transport.last.respond(200);
      expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
      expect(world.timers).toBe(0);
      expect(world.inFlight).toBe(0);
    });

    it('ends an attempt that was sent, and repeats what may be', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100 });
      const asker = world.ask(manner);
      const [first] = world.transport.sent;
      first!.begin();
      await world.clock.advance(100);
      expect(first!.aborted?.reason).toBeInstanceOf(RequestTimeoutError);
      expect(world.path).toBe('ab');
      world.transport.last.respond(200);
      expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
    });

    it('ends the request where it was sent and may not be repeated', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100 });
      const asker = world.ask(manner, { method: 'POST' });
      world.transport.last.begin();
      await world.clock.advance(100);
      expect(asker.error).toBeInstanceOf(RequestTimeoutError);
      expect(asker.error).toMatchObject({ code: 'ERR_TIMEOUT', attempts: [] });
      expect(world.path).toBe('a');
      expect(world.timers).toBe(0);
    });

    it('does not bound the body', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100 });
      const asker = world.ask(manner);
      await world.clock.advance(99);
      world.transport.last.head(200);
      expect(world.timers).toBe(0);
      await world.clock.advance(60_000);
      world.transport.last.end();
      expect(asker.told).toEqual(['begin', 'head 200', 'end']);
      expect(world.said).toEqual(['a ok 60099/99']);
    });

    it('is one for each attempt', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100, retries: 2 });
      const asker = world.ask(manner);
      for (const path of ['a', 'ab', 'abc']) {
        expect(world.path).toBe(path);
        await world.clock.advance(99);
        expect(world.path).toBe(path);
        await world.clock.advance(1);
      }
      expect(asker.error).toBeInstanceOf(RetriesExhaustedError);
      expect((asker.error as Error).message).toBe(
        'web.service.consul: all 3 attempts failed. Attempt 1, 10.0.0.1:80, 100 ms: web.service.consul: 10.0.0.1:80 did not answer in 100 ms. Attempt 2, 10.0.0.2:80, 100 ms: web.service.consul: 10.0.0.2:80 did not answer in 100 ms. Attempt 3, 10.0.0.3:80, 100 ms: web.service.consul: 10.0.0.3:80 did not answer in 100 ms.',
      );
      expect(world.said).toEqual(['a failed 100', 'b failed 100', 'c failed 100']);
      expect(world.timers).toBe(0);
      expect(world.inFlight).toBe(0);
    });

    it('does not run while it waits for the first list', async () => {
      const world = await exchangeWorld({ unready: true, attemptTimeout: 100 });
      const asker = world.ask(manner);
      await world.clock.advance(500);
      expect(asker.told).toEqual(['begin']);
      world.release();
      await world.settle();
      await world.clock.advance(50);
      world.transport.last.respond(200);
      expect(asker.told.at(-1)).toBe('end');
    });
  });

  describe(`timeout in the ${manner} manner`, () => {
    it('ends the request at any time before the end of the body', async () => {
      for (const depth of ['waiting', 'begun', 'head', 'body'] as const) {
        const world = await exchangeWorld({ timeout: 1_000, retries: 5, retryOn: () => true });
        const asker = world.ask(manner);
        const { last } = world.transport;
        if (depth !== 'waiting') last.begin();
        if (depth === 'head' || depth === 'body') last.head(200);
        if (depth === 'body') last.data('some');
        await world.clock.advance(999);
        const before = asker.told.length;
        await world.clock.advance(1);
        expect(asker.told.slice(before)).toEqual([
          'error: web.service.consul: no complete answer in 1000 ms. The attempt at 10.0.0.1:80 was still under way.',
        ]);
        expect(asker.error).toMatchObject({ code: 'ERR_TIMEOUT' });
        expect(last.aborted?.reason).toBe(depth === 'waiting' ? undefined : asker.error);
        const answered = depth === 'head' || depth === 'body';
        expect(world.said).toEqual([answered ? 'a failed 1000/0' : 'a failed 1000']);
        expect(world.path).toBe('a');
        expect(world.timers).toBe(0);
        expect(world.inFlight).toBe(0);
      }
    });

    it('leaves nothing behind where the answer is complete before', async () => {
      const world = await exchangeWorld({ timeout: 1_000 });
      const asker = world.ask(manner);
      await world.clock.advance(999);
      world.transport.last.respond(200);
      expect(world.timers).toBe(0);
      await world.clock.advance(10);
      expect(asker.told.at(-1)).toBe('end');
    });

    it.each([
      [499, 'b failed 501'],
      [500, 'b failed 500'],
      [501, 'b nothing 499'],
    ])('where the first attempt took %i ms of 1000, says of the second: %s', async (first, second) => {
      const world = await exchangeWorld({ timeout: 1_000 });
      world.ask(manner);
      await world.clock.advance(first);
      world.transport.last.fail(refused());
      await world.clock.advance(1_000);
      expect(world.said).toEqual([`a failed ${first}`, second]);
      expect(world.inFlight).toBe(0);
    });

    it('tells of the attempts that had failed by then', async () => {
      const world = await exchangeWorld({ timeout: 1_000 });
      const asker = world.ask(manner);
      const error = closed();
      await world.clock.advance(10);
      world.transport.last.begin().fail(error);
      await world.clock.advance(1_000);
      expect(asker.error).toBeInstanceOf(RequestTimeoutError);
      expect(asker.error).toMatchObject({
        message:
          'web.service.consul: no complete answer in 1000 ms. The attempt at 10.0.0.2:80 was still under way. Attempt 1, 10.0.0.1:80, 10 ms: other side closed.',
        attempts: [{ endpoint: world.web.endpoints[0], elapsed: 10, cause: error }],
        cause: error,
      });
    });

    it('ends the wait for a first list', async () => {
      const world = await exchangeWorld({ unready: true, timeout: 1_000 });
      const asker = world.ask(manner);
      await world.clock.advance(1_000);
      expect(asker.told).toEqual(['begin', 'error: api.service.consul: no complete answer in 1000 ms.']);
      world.release();
      await world.settle();
      expect(world.path).toBe('');
      expect(world.inFlight).toBe(0);
    });

    it('runs from the beginning, not from the first list', async () => {
      const world = await exchangeWorld({ unready: true, timeout: 1_000 });
      const asker = world.ask(manner);
      await world.clock.advance(600);
      world.release();
      await world.settle();
      expect(world.path).toBe('a');
      await world.clock.advance(400);
      expect(asker.error).toMatchObject({ code: 'ERR_TIMEOUT' });
      expect(world.said).toEqual(['a nothing 400']);
    });

    it('ends the wait for the next attempt', async () => {
      const world = await exchangeWorld({ list: 'a', timeout: 1_000 });
      const asker = world.ask(manner);
      await world.clock.advance(949);
      world.transport.last.fail(refused());
      expect(asker.told).toEqual(['begin']);
      await world.clock.advance(50);
      expect(world.path).toBe('aa');
      await world.clock.advance(1);
      expect(asker.told).toHaveLength(2);
      expect(world.timers).toBe(0);
    });
  });
}

describe('without deadlines', () => {
  it('arms no timer', async () => {
    const world = await exchangeWorld();
    world.ask('old');
    expect(world.timers).toBe(0);
    world.transport.last.head(200);
    expect(world.timers).toBe(0);
  });
});

describe('a service without a list', () => {
  it('is waited for', async () => {
    const world = await exchangeWorld({ unready: true });
    const asker = world.ask('old');
    expect(world.path).toBe('');
    world.release();
    await world.settle();
    expect(world.path).toBe('a');
    world.transport.last.respond(200);
    expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
    expect(world.said).toEqual(['a ok 0/0']);
  });

  it('fails the request as it fails itself', async () => {
    const world = await exchangeWorld({ unready: true, list: 'a' });
    world.source.answer = '';
    const asker = world.ask('old');
    world.release();
    await world.settle();
    expect(asker.error).toMatchObject({
      code: expect.stringMatching(/^ERR_(NO_ENDPOINTS|SERVICE_NOT_FOUND)$/),
    });
    expect(asker.told).toHaveLength(2);
  });

  it('fails the request as it is closed', async () => {
    const world = await exchangeWorld({ unready: true });
    const asker = world.ask('old');
    world.web.close();
    await world.settle();
    expect(asker.error).toMatchObject({ code: 'ERR_CLOSED' });
    const next = world.ask('old');
    await world.settle();
    expect(next.error).toMatchObject({ code: 'ERR_CLOSED' });
    expect(next.told).toHaveLength(2);
  });
});
