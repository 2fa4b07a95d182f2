import { describe, expect, it } from 'vitest';
import { RequestTimeoutError } from '../../../src/errors.ts';
import { exchangeWorld, nothingIsLeft } from './exchange-world.ts';
import { manners } from './scripted-transport.ts';

for (const manner of manners) {
  describe(`a handler in the ${manner} manner`, () => {
    it('hears nothing of an attempt that it does not wait for any more', async () => {
      const world = await exchangeWorld({ attemptTimeout: 10 });
      const asker = world.ask(manner, { body: 'part' });
      const [first] = world.transport.sent;
      await world.clock.advance(10);
      expect(world.path).toBe('ab');
      first!.begin().bodySent().respond(200);
      expect(asker.told).toEqual(['begin']);
      expect(asker.sentParts).toEqual([]);
      world.transport.last.begin().bodySent().respond(201);
      expect(asker.sentParts).toEqual(['part', '.']);
      expect(asker.told).toEqual(['begin', 'head 201', 'data body', 'end']);
      nothingIsLeft(world);
    });

    it('hears nothing of it either where who sends it takes no notice of the abort', async () => {
      let started = 0;
      const world = await exchangeWorld({ attemptTimeout: 10, retries: 0 });
      const asker = world.ask(manner, {}, { at: { started: () => void started++ } });
      const { last } = world.transport;
      last.begin().deaf = true;
      await world.clock.advance(10);
      expect(last.aborts).toBe(1);
      last.bodySent().respond(200);
      expect(asker.told).toEqual([
        'begin',
        'error: web.service.consul: 10.0.0.1:80 did not answer in 10 ms.',
      ]);
      expect(asker.sentParts).toEqual([]);
      expect(started).toBe(0);
      expect(world.said).toEqual(['a failed 10']);
      nothingIsLeft(world);
    });

    it('gets no further attempt by it: one took its place already', async () => {
      const world = await exchangeWorld({ attemptTimeout: 10, retries: 2, retryOn: [503] });
      const asker = world.ask(manner);
      const [first] = world.transport.sent;
      first!.begin().deaf = true;
      await world.clock.advance(10);
      first!.respond(503);
      await world.settle();
      expect(world.path).toBe('ab');
      world.transport.last.respond(200);
      expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
      expect(world.said).toEqual(['a failed 10', 'b ok 0/0']);
      nothingIsLeft(world);
    });

    it('slows the response down that it gets, and goes on with it', async () => {
      const world = await exchangeWorld();
      const asker = world.ask(manner, {}, { wantsMore: false });
      world.transport.last.head(200);
      expect(world.transport.last.paused).toBe(true);
      asker.resume();
      expect(world.transport.last.paused).toBe(false);
      world.transport.last.data('some');
      expect(world.transport.last.paused).toBe(true);
      asker.resume();
      world.transport.last.end();
      expect(asker.told).toEqual(['begin', 'head 200', 'data some', 'end']);
      nothingIsLeft(world);
    });

    it('is told by a RequestTimeoutError of an attempt that took too long', async () => {
      const world = await exchangeWorld({ attemptTimeout: 10, retries: 0 });
      const asker = world.ask(manner);
      await world.clock.advance(10);
      expect(asker.error).toBeInstanceOf(RequestTimeoutError);
    });
  });
}

describe('the controller that a handler of the new manner gets', () => {
  it('is the same from the beginning to the end, whichever attempt is under way', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    const seen = new Set<unknown>();
    const note = (self: { controller: unknown }) => void seen.add(self.controller);
    const asker = world.ask('new', {}, { at: { begin: note, head: note, data: note, end: note } });
    world.transport.last.respond(503);
    await world.settle();
    world.transport.last.respond(200);
    expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
    expect(seen.size).toBe(1);
  });

  it('holds a response back that it was told to hold back before it came', async () => {
    const world = await exchangeWorld();
    const asker = world.ask('new');
    asker.pause();
    expect(asker.controller?.paused).toBe(true);
    world.transport.last.head(200);
    expect(world.transport.last.paused).toBe(true);
    asker.resume();
    expect(asker.controller?.paused).toBe(false);
    expect(world.transport.last.paused).toBe(false);
  });

  it('never holds back a response that nobody gets', async () => {
    const world = await exchangeWorld({ retryOn: [503] });
    const asker = world.ask('new');
    asker.pause();
    const [first] = world.transport.sent;
    first!.head(503);
    expect(first!.paused).toBe(false);
    first!.end();
    await world.settle();
    world.transport.last.head(200);
    expect(world.transport.last.paused).toBe(true);
  });

  it('says whether and why the request was given up', async () => {
    const world = await exchangeWorld();
    const asker = world.ask('new');
    expect(asker.controller).toMatchObject({ aborted: false, reason: null });
    asker.abort('enough');
    expect(asker.controller).toMatchObject({ aborted: true, reason: 'enough' });
    asker.abort('more than that');
    expect(asker.controller).toMatchObject({ aborted: true, reason: 'enough' });
  });

  it('says nothing of an abort that came too late', async () => {
    const world = await exchangeWorld();
    const asker = world.ask('new');
    world.transport.last.respond(200);
    asker.abort('too late');
    expect(asker.controller).toMatchObject({ aborted: false, reason: null });
  });

  it('shows headers and trailers as they came over the wire', async () => {
    const world = await exchangeWorld();
    const asker = world.ask('new');
    expect(asker.controller).toMatchObject({ rawHeaders: null, rawTrailers: null });
    world.transport.last.head(200, { Server: 'x' }).end({ Digest: 'y' });
    expect(asker.controller?.rawHeaders).toEqual([Buffer.from('Server'), Buffer.from('x')]);
    expect(asker.controller?.rawTrailers).toEqual([Buffer.from('Digest'), Buffer.from('y')]);
    asker.controller!.rawHeaders = ['a', 'b'];
    asker.controller!.rawTrailers = ['c', 'd'];
    expect(asker.controller).toMatchObject({ rawHeaders: ['a', 'b'], rawTrailers: ['c', 'd'] });
  });
});
