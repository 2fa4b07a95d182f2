import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { exchangeWorld, refused } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

const store = new AsyncLocalStorage<string>();

for (const manner of manners) {
  describe(`the context of who asked, in the ${manner} manner`, () => {
    it('is that of functions of the user and of further attempts, whoever brings the failure', async () => {
      const seen: (string | undefined)[] = [];
      const note = () => {
        seen.push(store.getStore());
      };
      const world = await exchangeWorld({
        retries: 2,
        retryOn: () => {
          note();
          return true;
        },
        key: () => {
          note();
          return undefined;
        },
      });
      const { send } = world.transport;
      world.transport.send = (...given) => {
        note();
        send.call(world.transport, ...given);
      };
      store.run('mine', () => world.ask(manner));
      store.run('of another', () => world.transport.last.fail(refused()));
      await world.clock.advance(0);
      store.run('of another', () => world.transport.last.head(503).end());
      await world.clock.advance(0);
      // Chosen and sent; asked whether to go on, chosen, sent; and once more.
      expect(seen).toEqual(Array.from({ length: 8 }, () => 'mine'));
    });
  });
}
