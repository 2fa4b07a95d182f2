import { describe, expect, it } from 'vitest';
import { exchangeWorld, refused } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

describe('Retry-After', () => {
  const asks = (value: string) => ({ 'retry-after': value });

  it('is no matter where there is another endpoint', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    world.ask('old');
    world.transport.last.respond(503, asks('3600'));
    await world.settle();
    expect(world.path).toBe('ab');
  });

  it.each(manners)('says when the same one may be asked again, in the %s manner', async (manner) => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503] });
    const asker = world.ask(manner);
    world.transport.last.respond(503, asks('3'));
    await world.clock.advance(2_999);
    expect(world.path).toBe('a');
    await world.clock.advance(1);
    expect(world.path).toBe('aa');
    world.transport.last.respond(200);
    expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
  });

  it('is believed also where the timer is early by a fraction', async () => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503] });
    const { clock } = world;
    const asker = world.ask('old');
    const { now } = clock;
    world.transport.last.respond(503, asks('3'));
    // performance.now() and the clock of the event loop are not the same.
    clock.now = () => now() - 0.7;
    await clock.advance(3_000);
    clock.now = now;
    expect(world.path).toBe('aa');
    expect(asker.told).toEqual(['begin']);
  });

  it('is no matter any more where the timer is late', async () => {
    const world = await exchangeWorld({ list: 'ab', retries: 2, retryOn: [503] });
    const { clock } = world;
    const asker = world.ask('old');
    world.transport.last.respond(503, asks('2'));
    await world.settle();
    world.transport.last.respond(503, asks('3'));
    world.source.answer = 'b';
    await world.web.refresh();
    const { now } = clock;
    clock.now = () => now() + 1_500;
    await clock.advance(2_000);
    clock.now = now;
    expect(world.path).toBe('abb');
    expect(asker.told).toEqual(['begin']);
  });

  it.each(manners)('counts once where it was said twice, in the %s manner', async (manner) => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503] });
    world.ask(manner);
    world.transport.last.respond(503, { 'retry-after': ['3', '60'] });
    await world.clock.advance(3_000);
    expect(world.path).toBe('aa');
  });

  it('of several: the one who asks for least', async () => {
    const world = await exchangeWorld({ list: 'abc', retries: 5, retryOn: [503] });
    world.ask('old');
    for (const seconds of ['5', '2', '3']) {
      world.transport.last.respond(503, asks(seconds));
      await world.settle();
    }
    expect(world.path).toBe('abc');
    await world.clock.advance(1_999);
    expect(world.path).toBe('abc');
    await world.clock.advance(1);
    expect(world.path).toBe('abcb');
    world.transport.last.respond(503, asks('60'));
    await world.clock.advance(999);
    expect(world.path).toBe('abcb');
    await world.clock.advance(1);
    expect(world.path).toBe('abcbc');
  });

  it('does not keep from those who ask for nothing', async () => {
    const world = await exchangeWorld({ list: 'ab', retries: 2, retryOn: [503] });
    world.ask('old');
    world.transport.last.fail(refused());
    await world.settle();
    world.transport.last.respond(503, asks('9'));
    await world.clock.advance(100);
    expect(world.path).toBe('aba');
  });

  it.each([
    ['10', true],
    ['11', false],
    ['99999999999999999999', false],
    ['Fri, 01 Jan 2100 00:00:00 GMT', false],
    ['Fri, 01 Jan 1999 00:00:00 GMT', true],
    ['-5', true],
    ['soon', true],
    ['', true],
  ])('%j: waited for: %s', async (value, waited) => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503] });
    const asker = world.ask('old');
    world.transport.last.respond(503, asks(value));
    await world.clock.advance(10_000);
    expect(world.path).toBe(waited ? 'aa' : 'a');
    expect(asker.told).toEqual(waited ? ['begin'] : ['begin', 'head 503', 'data body', 'end']);
  });

  it('makes the 503 the answer where it is longer than the request may take', async () => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503], timeout: 2_500 });
    const asker = world.ask('old');
    await world.clock.advance(1_500);
    world.transport.last.respond(503, asks('1'));
    expect(asker.told).toEqual(['begin', 'head 503', 'data body', 'end']);
    expect(world.timers).toBe(0);
  });

  it('is waited for where the request may take that long', async () => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503], timeout: 2_501 });
    world.ask('old');
    await world.clock.advance(1_500);
    world.transport.last.respond(503, asks('1'));
    await world.clock.advance(1_000);
    expect(world.path).toBe('aa');
  });

  it('says it for the retries after a connection that failed, too', async () => {
    const world = await exchangeWorld({ list: 'ab', retries: 3, retryOn: [503] });
    const asker = world.ask('old');
    world.transport.last.respond(503, asks('60'));
    await world.settle();
    world.source.answer = 'a';
    await world.web.refresh();
    world.transport.last.fail(refused());
    await world.clock.advance(20_000);
    expect((asker.error as Error).message).toMatch(/^web\.service\.consul: nobody else is left/);
  });
});
