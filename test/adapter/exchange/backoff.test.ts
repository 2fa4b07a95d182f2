import { describe, expect, it } from 'vitest';
import { exchangeWorld, refused } from './exchange-world.ts';

describe('where it was tried everywhere', () => {
  it('waits before it begins again: 50 ms at most, twice as many each time, 1 000 ms at most', async () => {
    const world = await exchangeWorld({ list: 'a', retries: 7 });
    world.ask('old');
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      world.transport.last.fail(refused());
      const before = world.transport.sent.length;
      let waited = 0;
      while (world.transport.sent.length === before && waited < 3_000) {
        await world.clock.advance(25);
        waited += 25;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
    expect(world.path).toBe('aaaaaaaa');
  });

  it('draws how long it waits', async () => {
    const world = await exchangeWorld({ list: 'a', drawn: 0.5 });
    world.ask('old');
    world.transport.last.fail(refused());
    await world.clock.advance(24);
    expect(world.path).toBe('a');
    await world.clock.advance(1);
    expect(world.path).toBe('aa');
  });

  it('does not wait while there is somebody else', async () => {
    const world = await exchangeWorld({ list: 'ab', retries: 3 });
    world.ask('old');
    world.transport.last.fail(refused());
    await world.settle();
    expect(world.path).toBe('ab');
    world.transport.last.fail(refused());
    await world.settle();
    expect(world.path).toBe('ab');
    await world.clock.advance(100);
    expect(world.path).toBe('aba');
    world.transport.last.fail(refused());
    await world.settle();
    expect(world.path).toBe('abab');
  });

  it('does not wait for longer than the whole request may take', async () => {
    const world = await exchangeWorld({ list: 'a', timeout: 50 });
    const asker = world.ask('old');
    world.transport.last.fail(refused());
    expect((asker.error as Error).message).toBe(
      'web.service.consul: nobody else is left, and those who are left ask for more time than there is. Attempt 1, 10.0.0.1:80, 0 ms: connect ECONNREFUSED.',
    );
    expect(world.timers).toBe(0);
  });
});
