import { describe, expect, it } from 'vitest';
import { exchangeWorld, nothingIsLeft } from './exchange-world.ts';
import { FakeSocket } from './fake-socket.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`a request that becomes another protocol, in the ${manner} manner`, () => {
    it('is in flight until its socket closes, and went well', async () => {
      const world = await exchangeWorld({ timeout: 100, attemptTimeout: 50 });
      const asker = world.ask(manner, { upgrade: 'websocket' });
      const socket = new FakeSocket();
      await world.clock.advance(6);
      world.transport.last.upgrade(socket);
      expect(asker.told).toEqual(['begin', 'upgrade']);
      expect(world.timers).toBe(0);
      await world.clock.advance(60_000);
      expect(socket.destroyed).toBe(false);
      expect(world.inFlight).toBe(1);
      expect(world.transport.open).toBe(0);
      socket.destroy();
      expect(world.said).toEqual(['a ok 6/6']);
      nothingIsLeft(world);
    });

    it('is closed where nobody waits for it any more', async () => {
      const world = await exchangeWorld({ attemptTimeout: 5, retries: 0 });
      world.transport.atSend = (sent) => sent.begin();
      const asker = world.ask(manner, { upgrade: 'websocket' });
      // An undici that does not hear of an abort.
      Object.defineProperty(world.transport.last, 'ended', { value: false, writable: true });
      await world.clock.advance(5);
      const socket = new FakeSocket();
      (world.transport.last as { ended: boolean }).ended = false;
      world.transport.last.upgrade(socket);
      expect(socket.destroyed).toBe(true);
      expect(asker.told).toHaveLength(2);
      nothingIsLeft(world);
    });

    it('went badly where the tunnel was refused', async () => {
      const world = await exchangeWorld();
      world.ask(manner, { method: 'CONNECT' });
      const socket = new FakeSocket();
      world.transport.last.upgrade(socket, 502);
      socket.destroy();
      expect(world.said).toEqual(['a failed 0/0']);
      nothingIsLeft(world);
    });
  });
}
