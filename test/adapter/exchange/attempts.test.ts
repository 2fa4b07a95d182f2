import { describe, expect, it } from 'vitest';
import { RetriesExhaustedError } from '../../../src/errors.ts';
import { closed, exchangeWorld, refused, type World } from './exchange-world.ts';

describe('how often it is repeated', () => {
  const always503 = async (world: World, times: number) => {
    for (let i = 0; i < times; i++) {
      world.transport.last.respond(503);
      await world.settle();
    }
  };

  it('asks each endpoint once before any twice', async () => {
    const world = await exchangeWorld({ list: 'abcd', retries: 3 });
    world.ask('old');
    for (let i = 0; i < 3; i++) {
      world.transport.last.fail(refused());
      await world.settle();
    }
    expect(world.path).toBe('abcd');
  });

  it('passes a 503 on as the answer where the attempts are used up', async () => {
    const world = await exchangeWorld({ retries: 2, retryOn: [503] });
    const asker = world.ask('old');
    await always503(world, 3);
    expect(asker.told).toEqual(['begin', 'head 503', 'data body', 'end']);
    expect(world.path).toBe('abc');
    expect(world.said).toEqual(['a failed 0/0', 'b failed 0/0', 'c failed 0/0']);
  });

  it('passes a 503 on as the answer where a connection failed before it', async () => {
    const world = await exchangeWorld({ retries: 1, retryOn: [503] });
    const asker = world.ask('new');
    world.transport.last.fail(refused());
    await world.settle();
    world.transport.last.respond(503);
    expect(asker.told).toEqual(['begin', 'head 503', 'data body', 'end']);
  });

  it('passes the error on as it is without retries', async () => {
    const world = await exchangeWorld({ retries: 0 });
    const asker = world.ask('old');
    const error = refused();
    world.transport.last.fail(error);
    expect(asker.error).toBe(error);
  });

  it('tells the whole story where all attempts failed', async () => {
    const world = await exchangeWorld({ retries: 2 });
    const asker = world.ask('old');
    const errors = [refused(), closed(), refused()];
    for (const error of errors) {
      await world.clock.advance(10);
      world.transport.last.fail(error);
      await world.settle();
    }
    const error = asker.error as RetriesExhaustedError;
    expect(error).toBeInstanceOf(RetriesExhaustedError);
    expect(error.message).toBe(
      'web.service.consul: all 3 attempts failed. Attempt 1, 10.0.0.1:80, 10 ms: connect ECONNREFUSED. Attempt 2, 10.0.0.2:80, 10 ms: other side closed. Attempt 3, 10.0.0.3:80, 10 ms: connect ECONNREFUSED.',
    );
    expect(error.attempts).toEqual(
      errors.map((cause, i) => ({ endpoint: world.web.endpoints[i], elapsed: 10, cause })),
    );
    expect(error.cause).toBe(errors[2]);
    expect(asker.told).toHaveLength(2);
  });

  it('tells of the responses that were passed over, too', async () => {
    const world = await exchangeWorld({ retries: 1, retryOn: [503] });
    const asker = world.ask('old');
    world.transport.last.respond(503);
    await world.settle();
    world.transport.last.fail(refused());
    expect((asker.error as Error).message).toBe(
      'web.service.consul: all 2 attempts failed. Attempt 1, 10.0.0.1:80, 0 ms: response 503. Attempt 2, 10.0.0.2:80, 0 ms: connect ECONNREFUSED.',
    );
  });

  it('says that the last failure is none to be repeated', async () => {
    const world = await exchangeWorld({ retries: 3 });
    const asker = world.ask('old', { method: 'POST' });
    world.transport.last.fail(refused());
    await world.settle();
    world.transport.last.begin().fail(closed());
    expect((asker.error as Error).message).toMatch(
      /^web\.service\.consul: the last failure is not one to be repeated\. Attempt 1, .* Attempt 2, /,
    );
  });

  it('says why nobody could be asked any more', async () => {
    const world = await exchangeWorld({ list: 'a' });
    const asker = world.ask('old');
    world.transport.last.fail(refused());
    world.web.close();
    await world.clock.advance(50);
    expect((asker.error as Error).message).toBe(
      'web.service.consul: no further attempt: web.service.consul: the service was closed; ask discovery.service() for a new one. Attempt 1, 10.0.0.1:80, 0 ms: connect ECONNREFUSED.',
    );
    expect(world.inFlight).toBe(0);
  });

  it('goes by the list as it is then', async () => {
    const world = await exchangeWorld({ list: 'a' });
    world.ask('old');
    world.transport.last.fail(refused());
    world.source.answer = 'ab';
    await world.web.refresh();
    await world.clock.advance(50);
    expect(world.path).toBe('ab');
  });
});
