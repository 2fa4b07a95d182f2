import { describe, expect, it } from 'vitest';
import { closed, exchangeWorld, nothingIsLeft, refused } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`what the balancer hears of a request in the ${manner} manner`, () => {
    it('hears of a complete response: to the first byte and to the end', async () => {
      const world = await exchangeWorld({ timeout: 1_000, attemptTimeout: 500 });
      const asker = world.ask(manner);
      expect(world.inFlight).toBe(1);
      const sent = world.transport.last.begin();
      await world.clock.advance(3);
      sent.head(200);
      await world.clock.advance(2);
      expect(world.inFlight).toBe(1);
      sent.data('some').data('more').end();
      expect(world.said).toEqual(['a ok 5/3']);
      expect(world.outcomes[0]?.outcome).not.toHaveProperty('aborted');
      expect(asker.told).toEqual(['begin', 'head 200', 'data some', 'data more', 'end']);
      nothingIsLeft(world);
    });

    it.each([
      [200, 'ok'],
      [204, 'ok'],
      [304, 'ok'],
      [400, 'ok'],
      [404, 'ok'],
      [429, 'ok'],
      [499, 'ok'],
      [500, 'failed'],
      [501, 'ok'],
      [502, 'failed'],
      [503, 'failed'],
      [504, 'failed'],
      [505, 'ok'],
      [599, 'failed'],
    ])('counts %i as %s', async (status, how) => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      world.transport.last.respond(status);
      expect(world.said).toEqual([`a ${how} 0/0`]);
      const { error } = world.outcomes[0]!.outcome;
      expect(error === undefined ? undefined : (error as Error).message).toBe(
        how === 'ok' ? undefined : `response ${status}`,
      );
      expect(asker.told).toEqual(['begin', `head ${status}`, 'data body', 'end']);
      nothingIsLeft(world);
    });

    it('takes the final head for the first byte, and passes on those that announce it', async () => {
      const world = await exchangeWorld({ attemptTimeout: 10 });
      const asker = world.ask(manner);
      await world.clock.advance(4);
      world.transport.last.head(103);
      await world.clock.advance(4);
      world.transport.last.head(200).end();
      expect(asker.told).toEqual(['begin', 'head 103', 'head 200', 'end']);
      expect(world.said).toEqual(['a ok 8/8']);
      nothingIsLeft(world);
    });

    it('does not take an early hint for an answer: the attempt can still be too late', async () => {
      const world = await exchangeWorld({ attemptTimeout: 10, retries: 0 });
      const asker = world.ask(manner);
      world.transport.last.head(103);
      await world.clock.advance(10);
      expect(asker.told).toEqual([
        'begin',
        'head 103',
        'error: web.service.consul: 10.0.0.1:80 did not answer in 10 ms.',
      ]);
      expect(world.said).toEqual(['a failed 10']);
      nothingIsLeft(world);
    });

    it('hears of a connection that was refused', async () => {
      const world = await exchangeWorld({ retries: 0 });
      const asker = world.ask(manner);
      await world.clock.advance(7);
      const error = refused();
      world.transport.last.fail(error);
      expect(world.said).toEqual(['a failed 7']);
      expect(world.outcomes[0]?.outcome.error).toBe(error);
      expect(asker.error).toBe(error);
      expect(asker.told).toEqual(['begin', 'error: connect ECONNREFUSED']);
      nothingIsLeft(world);
    });

    it('hears of a connection that broke while it waited', async () => {
      const world = await exchangeWorld({ retries: 0 });
      const asker = world.ask(manner);
      world.transport.last.begin();
      await world.clock.advance(7);
      world.transport.last.fail(closed());
      expect(world.said).toEqual(['a failed 7']);
      expect(asker.told).toEqual(['begin', 'error: other side closed']);
      nothingIsLeft(world);
    });

    it('hears of a body that broke off, which is never repeated', async () => {
      const world = await exchangeWorld({ retries: 3, retryOn: () => true, timeout: 1_000 });
      const asker = world.ask(manner);
      const error = closed();
      await world.clock.advance(2);
      world.transport.last.head(200).data('half');
      await world.clock.advance(2);
      world.transport.last.fail(error);
      await world.settle();
      expect(world.said).toEqual(['a failed 4/2']);
      expect(asker.error).toBe(error);
      expect(asker.told).toEqual(['begin', 'head 200', 'data half', 'error: other side closed']);
      nothingIsLeft(world);
    });

    it('hears of a transport that throws', async () => {
      const world = await exchangeWorld({ retries: 0 });
      world.transport.atSend = () => {
        throw refused();
      };
      const asker = world.ask(manner);
      expect(world.said).toEqual(['a failed 0']);
      expect(asker.told).toEqual(['begin', 'error: connect ECONNREFUSED']);
      nothingIsLeft(world);
    });
  });
}
