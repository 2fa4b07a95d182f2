import { describe, expect, it } from 'vitest';
import { closed, exchangeWorld } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

describe('a response that is passed over', () => {
  const kib = 'x'.repeat(1_024);

  it('is read to its end, so that its connection can be used again', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    const asker = world.ask('new');
    const [first] = world.transport.sent;
    first!.head(503);
    await world.clock.advance(5);
    for (let i = 0; i < 64; i++) first!.data(kib);
    expect(first!.aborted).toBeUndefined();
    expect(first!.paused).toBe(false);
    expect(world.inFlight).toBe(2);
    first!.end();
    expect(world.said).toEqual(['a failed 5/0']);
    world.transport.last.respond(200);
    expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
    expect(world.inFlight).toBe(0);
    expect(world.timers).toBe(0);
  });

  it.each(manners)('is closed after 64 KiB, in the %s manner', async (manner) => {
    const world = await exchangeWorld({ retryOn: [503] });
    const asker = world.ask(manner);
    const [first] = world.transport.sent;
    first!.head(503);
    await world.settle();
    for (let i = 0; i < 64; i++) first!.data(kib);
    first!.data('x');
    expect(first!.aborted).toMatchObject({ reason: { message: 'the response is not wanted any more' } });
    expect(world.said).toEqual(['a failed 0/0']);
    expect(world.inFlight).toBe(1);
    expect(asker.told).toEqual(['begin']);
    expect(world.timers).toBe(0);
  });

  it('is closed after a second', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    world.ask('old');
    const [first] = world.transport.sent;
    first!.head(503).data('and then nothing');
    await world.clock.advance(999);
    expect(first!.aborted).toBeUndefined();
    await world.clock.advance(1);
    expect(first!.aborted).toBeDefined();
    expect(world.said).toEqual(['a failed 1000/0']);
    expect(world.timers).toBe(0);
  });

  it('is not missed where it breaks off', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    const asker = world.ask('old');
    const [first] = world.transport.sent;
    first!.head(503);
    first!.fail(closed());
    await world.settle();
    expect(world.path).toBe('ab');
    world.transport.last.respond(200);
    expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
    expect(world.said).toEqual(['a failed 0/0', 'b ok 0/0']);
  });

  it('says nothing bad of its endpoint where its status does not', async () => {
    const world = await exchangeWorld({ retryOn: [429] });
    world.ask('old');
    const [first] = world.transport.sent;
    first!.head(429);
    await world.clock.advance(1_000);
    expect(world.said).toEqual(['a ok 1000/0']);
  });

  it('stays passed over where its caller gives up meanwhile', async () => {
    const world = await exchangeWorld({ list: 'a', retryOn: [503] });
    const asker = world.ask('old');
    const [first] = world.transport.sent;
    first!.head(503);
    asker.abort(new Error('enough'));
    expect(first!.aborted).toBeUndefined();
    first!.data('late').end();
    expect(asker.told).toEqual(['begin', 'error: enough']);
    expect(world.said).toEqual(['a failed 0/0']);
    expect(world.inFlight).toBe(0);
    expect(world.timers).toBe(0);
  });
});
