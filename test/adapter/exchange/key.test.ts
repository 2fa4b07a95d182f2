import { describe, expect, it } from 'vitest';
import { exchangeWorld, refused } from './exchange-world.ts';

describe('what a request belongs to', () => {
  it('is found out for each attempt, from the request as undici dispatches it', async () => {
    const keys: unknown[] = [];
    const world = await exchangeWorld({
      key: ({ path, method }) => {
        keys.push(`${method} ${path}`);
        return 'user 7';
      },
    });
    world.ask('old', { path: '/users/7' });
    world.transport.last.fail(refused());
    await world.settle();
    expect(keys).toEqual(['GET /users/7', 'GET /users/7']);
    expect(world.path).toBe('ab');
  });

  it('reaches the strategy', async () => {
    const world = await exchangeWorld({
      service: { balancer: 'consistent-hash' },
      key: ({ path }) => path,
    });
    for (let i = 0; i < 5; i++) world.ask('old', { path: '/users/7' });
    expect(new Set(world.path).size).toBe(1);
  });

  it.each([0, 1])('ends the request where the function throws at attempt %i', async (at) => {
    let calls = 0;
    const world = await exchangeWorld({
      timeout: 1_000,
      key: () => {
        if (calls++ === at) throw new Error('no key');
        return undefined;
      },
    });
    const asker = world.ask('old');
    if (at === 1) world.transport.last.fail(refused());
    await world.settle();
    expect((asker.error as Error).message).toMatch(/no key/);
    expect(world.inFlight).toBe(0);
    expect(world.timers).toBe(0);
  });
});
