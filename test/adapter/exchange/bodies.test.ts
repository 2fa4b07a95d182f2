import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { RequestTimeoutError } from '../../../src/errors.ts';
import { closed, exchangeWorld, refused } from './exchange-world.ts';

const generator = () =>
  (async function* () {
    yield 'part';
  })();
const stream = () => Readable.from(['part']);

const always = () => true;

describe('a body that can be read but once', () => {
  it('is not sent again where somebody read of it, though there was no connection', async () => {
    const world = await exchangeWorld();
    const body = stream();
    const asker = world.ask('old', { method: 'PUT', body });
    body.once('data', () => {});
    await new Promise((resolve) => body.once('end', resolve));
    world.transport.last.fail(refused());
    await world.settle();
    expect(world.path).toBe('a');
    expect(asker.told).toEqual(['begin', 'error: connect ECONNREFUSED']);
  });

  it('is not given to another while undici holds it: an abort there would destroy it here', async () => {
    const world = await exchangeWorld({ attemptTimeout: 10, retries: 2, retryOn: always });
    const asker = world.ask('old', { method: 'PUT', body: stream() });
    await world.clock.advance(10);
    expect(world.path).toBe('a');
    expect(asker.error).toBeInstanceOf(RequestTimeoutError);
  });

  it.each([
    ['text', () => 'text'],
    ['a generator', generator],
  ])('is given to another where it is %s, which an abort does not touch', async (_what, body) => {
    const world = await exchangeWorld({ attemptTimeout: 10 });
    world.ask('old', { method: 'POST', body: body() });
    await world.clock.advance(10);
    expect(world.path).toBe('ab');
  });

  it('is never taken for a repeatable one by what it was replaced with', async () => {
    const world = await exchangeWorld({ retries: 2, retryOn: always });
    const body = generator();
    world.ask('old', { method: 'POST', body }, { replay: 'text' });
    world.transport.last.begin().fail(closed());
    await world.settle();
    world.transport.last.begin().fail(closed());
    await world.settle();
    expect(world.transport.sent.map(({ options }) => options.body)).toEqual([body, 'text', 'text']);
  });
});
