import { describe, expect, it } from 'vitest';
import { exchangeWorld, nothingIsLeft } from './exchange-world.ts';
import { FakeSocket } from './fake-socket.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`a request that becomes another protocol, in the ${manner} manner`, () => {
    it('went well at once, and is in flight until its socket closes', async () => {
      const world = await exchangeWorld({ timeout: 100, attemptTimeout: 50 });
      const asker = world.ask(manner, { upgrade: 'websocket' });
      const socket = new FakeSocket();
      await world.clock.advance(6);
      world.transport.last.upgrade(socket);
      expect(asker.told).toEqual(['begin', 'upgrade']);
      expect(world.reported).toEqual(['a ok 6/6']);
      // Whatever its connection was, it is none of it any more.
      (world.transport.last as { ended: boolean }).ended = false;
      world.transport.last.fail(new Error('upgrade'));
      expect(asker.told).toEqual(['begin', 'upgrade']);
      if (manner === 'new')
        expect(asker.controller?.rawHeaders).toEqual([Buffer.from('Upgrade'), Buffer.from('talk')]);
      expect(world.timers).toBe(0);
      await world.clock.advance(60_000);
      expect(socket.destroyed).toBe(false);
      expect(world.inFlight).toBe(1);
      expect(world.transport.open).toBe(0);
      socket.destroy();
      expect(world.said).toEqual(['a nothing 0']);
      expect(world.reported).toHaveLength(1);
      nothingIsLeft(world);
    });

    it('is closed where nobody waits for it any more', async () => {
      const world = await exchangeWorld({ attemptTimeout: 5, retries: 0 });
      world.transport.atSend = (sent) => sent.begin();
      const asker = world.ask(manner, { upgrade: 'websocket' });
      world.transport.last.deaf = true;
      await world.clock.advance(5);
      const socket = new FakeSocket();
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
      expect(world.reported).toEqual(['a failed 0/0']);
      expect(world.said).toEqual(['a nothing 0']);
      nothingIsLeft(world);
    });
  });
}
