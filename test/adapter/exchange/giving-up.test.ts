import { describe, expect, it } from 'vitest';
import { exchangeWorld, nothingIsLeft, refused } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`a caller who gives up, in the ${manner} manner`, () => {
    const reason = new Error('not wanted any more');

    it('asks nobody where it was before the request', async () => {
      const world = await exchangeWorld({ timeout: 1_000 });
      const asker = world.ask(manner, {}, { at: { begin: (self) => self.abort(reason) } });
      expect(world.transport.sent).toEqual([]);
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      expect(asker.error).toBe(reason);
      nothingIsLeft(world);
    });

    it('takes the request back while it waits for a connection', async () => {
      const world = await exchangeWorld({ attemptTimeout: 100 });
      const asker = world.ask(manner);
      asker.abort(reason);
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      expect(world.said).toEqual(['a nothing 0']);
      nothingIsLeft(world);
      // Undici holds it until its turn comes: then nothing of it is sent.
      world.transport.last.begin();
      expect(world.transport.last.aborted).toEqual({ reason });
      expect(asker.told).toHaveLength(2);
      nothingIsLeft(world);
    });

    it.each([
      ['once the request was sent', 0, ['begin']],
      ['after the head', 1, ['begin', 'head 200']],
      ['in the body', 2, ['begin', 'head 200', 'data some']],
    ])('ends it %s, and that counts against nobody', async (_when, depth, before) => {
      const world = await exchangeWorld({ retries: 3, retryOn: () => true, timeout: 500 });
      const asker = world.ask(manner);
      const { last } = world.transport;
      last.begin();
      await world.clock.advance(3);
      if (depth > 0) last.head(200);
      if (depth > 1) last.data('some');
      asker.abort(reason);
      expect(last.aborted).toEqual({ reason });
      expect(asker.told).toEqual([...before, 'error: not wanted any more']);
      await world.clock.advance(1_000);
      expect(world.said).toEqual([depth > 0 ? 'a nothing 3/3' : 'a nothing 3']);
      expect(world.path).toBe('a');
      nothingIsLeft(world);
    });

    it.each([
      [
        'a signal',
        Object.assign(new Error('The operation was aborted due to timeout'), { name: 'TimeoutError' }),
      ],
      ['a client of its own', Object.assign(new Error('timeout of 50ms exceeded'), { code: 'ECONNABORTED' })],
    ])(
      'out of patience, by %s, holds it against the server that had most of the time',
      async (_who, timeout) => {
        const world = await exchangeWorld();
        const asker = world.ask(manner);
        world.transport.last.begin();
        await world.clock.advance(50);
        asker.abort(timeout);
        expect(asker.error).toBe(timeout);
        expect(world.said).toEqual(['a failed 50']);
        nothingIsLeft(world);
      },
    );

    it('out of patience holds nothing against the server that had just begun', async () => {
      const world = await exchangeWorld({ attemptTimeout: 40 });
      const asker = world.ask(manner);
      world.transport.last.begin();
      await world.clock.advance(40);
      world.transport.last.begin();
      await world.clock.advance(10);
      asker.abort(Object.assign(new Error('out of time'), { name: 'TimeoutError' }));
      expect(world.said).toEqual(['a failed 40', 'b nothing 10']);
      nothingIsLeft(world);
    });

    it('does not excuse a server that said already that it fails', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      world.transport.last.head(500).data('a long stor');
      asker.abort(reason);
      expect(asker.error).toBe(reason);
      expect(world.said).toEqual(['a failed 0/0']);
      nothingIsLeft(world);
    });

    it('is not heard any more after the end', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      world.transport.last.respond(200);
      asker.abort(reason);
      expect(asker.told.at(-1)).toBe('end');
      expect(world.said).toEqual(['a ok 0/0']);
      nothingIsLeft(world);
    });

    it('is told once, however often he gives up', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      world.transport.last.begin();
      asker.abort(reason);
      asker.abort(new Error('again'));
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      nothingIsLeft(world);
    });

    it('gets an error of undici where he gives no reason', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      asker.abort();
      expect(asker.told).toEqual(['begin', 'error: Request aborted']);
    });

    it('waits for the first list no longer', async () => {
      const world = await exchangeWorld({ unready: true, timeout: 1_000 });
      const asker = world.ask(manner);
      asker.abort(reason);
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      world.release();
      await world.settle();
      expect(asker.told).toHaveLength(2);
      expect(world.path).toBe('');
      expect(world.inFlight).toBe(0);
    });

    it('is heard in whichever turn the first list comes', async () => {
      for (let turns = 0; turns < 30; turns++) {
        const world = await exchangeWorld({ unready: true });
        let sentAfter = false;
        world.transport.atSend = () => {
          sentAfter = asker.told.length > 1;
        };
        const asker = world.ask(manner);
        world.web.subscribe(async () => {
          for (let i = 0; i < turns; i++) await undefined;
          asker.abort(reason);
        });
        world.release();
        await world.settle();
        expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
        expect(sentAfter).toBe(false);
        expect(world.inFlight).toBe(0);
      }
    });

    it('waits between two attempts no longer', async () => {
      const world = await exchangeWorld({ list: 'a', timeout: 10_000 });
      const asker = world.ask(manner);
      world.transport.last.fail(refused());
      expect(world.timers).toBe(2);
      asker.abort(reason);
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      nothingIsLeft(world);
      await world.clock.advance(10_000);
      expect(world.path).toBe('a');
    });

    it('also in the turn in which the next attempt is about to begin', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner);
      world.transport.last.fail(refused());
      asker.abort(reason);
      await world.settle();
      expect(world.path).toBe('a');
      expect(asker.told).toEqual(['begin', 'error: not wanted any more']);
      nothingIsLeft(world);
    });
  });
}
