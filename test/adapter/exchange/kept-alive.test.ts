import { afterEach, describe, expect, it, vi } from 'vitest';
import { exchangeWorld, refused } from './exchange-world.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What holds the process open, as keep-alive.ts makes it. */
function holds() {
  const open = new Set<unknown>();
  const { setInterval: begin, clearInterval: end } = globalThis;
  vi.spyOn(globalThis, 'setInterval').mockImplementation(((action: () => void, delay: number) => {
    const handle = begin(action, delay);
    open.add(handle);
    return handle;
  }) as never);
  vi.spyOn(globalThis, 'clearInterval').mockImplementation(((handle: NodeJS.Timeout) => {
    open.delete(handle);
    end(handle);
  }) as never);
  return open;
}

describe('while a request waits for the first list', () => {
  it('the process is kept alive, and not for longer than its caller waits', async () => {
    const world = await exchangeWorld({ unready: true });
    const open = holds();
    const asker = world.ask('old');
    await world.settle();
    expect(open.size).toBe(1);
    asker.abort(new Error('enough'));
    await world.settle();
    expect(open.size).toBe(0);
  });
});

/** There is no socket then, and our timers hold nothing open: a program that awaits an answer would end with code 13. */
describe('while a request waits for its next attempt', () => {
  it('the process is kept alive, until that begins', async () => {
    const world = await exchangeWorld({ list: 'a' });
    const open = holds();
    world.ask('old');
    expect(open.size).toBe(0);
    world.transport.last.fail(refused());
    expect(open.size).toBe(1);
    await world.clock.advance(50);
    expect(world.path).toBe('aa');
    expect(open.size).toBe(0);
  });

  it('and not for longer than its caller waits', async () => {
    const world = await exchangeWorld({ list: 'a', timeout: 1_000 });
    const open = holds();
    const asker = world.ask('old');
    world.transport.last.fail(refused());
    asker.abort(new Error('enough'));
    expect(open.size).toBe(0);
  });

  it('nor where the next one follows at once', async () => {
    const world = await exchangeWorld();
    const open = holds();
    world.ask('old');
    world.transport.last.fail(refused());
    expect(open.size).toBe(0);
  });
});
