import { describe, expect, it } from 'vitest';
import { type Endpoint, RequestTimeoutError, RetriesExhaustedError } from '../src/index.ts';
import { letterOf } from './lists.ts';
import { notFound } from './scripted-source.ts';
import { readyWorld } from './service-world.ts';

const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const failed = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );
const never = () => new Promise<never>(() => {});

describe('run', () => {
  it('calls with an endpoint, hands back what comes of it, and counts it in flight meanwhile', async () => {
    const { web } = await readyWorld();
    let seen: Endpoint | undefined;
    const result = await web.run(async (endpoint, { attempt }) => {
      seen = endpoint;
      expect(endpoint.inFlight).toBe(1);
      return `done ${attempt}`;
    });
    expect(result).toBe('done 1');
    expect(seen!.inFlight).toBe(0);
  });

  it('tries another endpoint where no connection was made, once, without being told', async () => {
    const { web } = await readyWorld();
    const tried: Endpoint[] = [];
    const result = await web.run((endpoint) => {
      tried.push(endpoint);
      if (tried.length === 1) throw refused();
      return 'ok';
    });
    expect(result).toBe('ok');
    expect(new Set(tried).size).toBe(2);
  });

  it('repeats nothing else without being told, and throws it as it is', async () => {
    const { web } = await readyWorld();
    const mine = new RangeError('mine');
    let calls = 0;
    expect(
      await failed(
        web.run(() => {
          calls++;
          throw mine;
        }),
      ),
    ).toBe(mine);
    expect(calls).toBe(1);
  });

  it('repeats any failure where retries are asked for, never twice at one endpoint while others remain', async () => {
    const { web } = await readyWorld({}, 'abcde');
    for (let round = 0; round < 50; round++) {
      const tried: string[] = [];
      const error = await failed(
        web.run(
          ({ host }) => {
            tried.push(letterOf(host));
            throw new Error('503');
          },
          { retries: 4 },
        ),
      );
      if (error.message.includes('budget')) break;
      expect([...tried].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  it('begins the round again when all were tried', async () => {
    const { web } = await readyWorld({ retryBudget: false }, 'ab');
    const tried: string[] = [];
    await failed(
      web.run(
        ({ host }) => {
          tried.push(letterOf(host));
          throw new Error('503');
        },
        { retries: 3 },
      ),
    );
    expect(tried.slice(0, 2).sort()).toEqual(['a', 'b']);
    expect(tried.slice(2).sort()).toEqual(['a', 'b']);
  });

  it('carries every attempt in its error: endpoint, milliseconds, cause', async () => {
    const { web, clock } = await readyWorld();
    let attempt = 0;
    const running = failed(
      web.run(
        async () => {
          attempt++;
          await new Promise<void>((resolve) => clock.setTimeout(resolve, 10 * attempt));
          throw new Error(`failure ${attempt}`);
        },
        { retries: 2 },
      ),
    );
    await clock.advance(100);
    const error = (await running) as RetriesExhaustedError;
    expect(error).toBeInstanceOf(RetriesExhaustedError);
    expect(error.code).toBe('ERR_RETRIES_EXHAUSTED');
    expect(error.attempts.map(({ elapsed, cause }) => [elapsed, (cause as Error).message])).toEqual([
      [10, 'failure 1'],
      [20, 'failure 2'],
      [30, 'failure 3'],
    ]);
    expect(new Set(error.attempts.map(({ endpoint }) => endpoint)).size).toBe(3);
    expect(error.cause).toBe(error.attempts[2]!.cause);
    expect(error.message).toMatch(/all 3 attempts failed\. Attempt 1, 10\.0\.0\.\d:80, 10 ms: failure 1\./);
  });

  it('asks a function whether to repeat, and stops where it says no', async () => {
    const { web } = await readyWorld();
    const asked: number[] = [];
    const error = await failed(
      web.run(
        () => {
          throw new Error('x');
        },
        { retries: 5, retryOn: (_error, { attempt }) => asked.push(attempt) < 2 },
      ),
    );
    expect(asked).toEqual([1, 2]);
    expect(error.attempts).toHaveLength(2);
  });

  it('shares one retry budget in the service, and says when that is spent', async () => {
    const { web } = await readyWorld({ retryBudget: { perSecond: 1, share: 0 } });
    let calls = 0;
    const once = () =>
      failed(
        web.run(
          () => {
            calls++;
            throw new Error('503');
          },
          { retries: 1 },
        ),
      );
    const errors = [];
    for (let i = 0; i < 20; i++) errors.push(await once());
    expect(calls).toBe(30);
    expect(errors.at(-1)).toMatchObject({
      code: 'ERR_RETRIES_EXHAUSTED',
      message: expect.stringContaining('retry budget'),
    });
    expect(errors.at(-1).attempts).toHaveLength(1);
  });

  it('ends an attempt at its own timeout, aborts its signal, and goes on elsewhere', async () => {
    const { web, clock } = await readyWorld();
    const signals: AbortSignal[] = [];
    const running = web.run(
      (_endpoint, { signal, attempt }) => {
        signals.push(signal);
        return attempt === 1 ? never() : Promise.resolve('second');
      },
      { retries: 1, attemptTimeout: 50 },
    );
    await clock.advance(50);
    expect(await running).toBe('second');
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(web.stats().inFlight).toBe(0);
  });

  it('says which timeout it was where the last attempt ran into its own', async () => {
    const { web, clock } = await readyWorld();
    const running = failed(web.run(never, { retries: 0, attemptTimeout: 50 }));
    await clock.advance(50);
    expect(await running).toMatchObject({
      code: 'ERR_TIMEOUT',
      message: expect.stringContaining('did not answer in 50 ms'),
    });
  });

  it('ends all of it at the total timeout, with the attempts so far', async () => {
    const { web, clock } = await readyWorld();
    const running = failed(web.run(never, { retries: 9, attemptTimeout: 40, timeout: 100 }));
    await clock.advance(100);
    const error = (await running) as RequestTimeoutError;
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error.message).toMatch(/no answer in 100 ms\. The attempt at .* was still under way\. Attempt 1,/);
    expect(error.attempts).toHaveLength(2);
    expect(web.stats().inFlight).toBe(0);
    expect(clock.pending).toBeLessThanOrEqual(2);
  });

  it("ends at once with the reason of the caller's signal, which is nobody's failure", async () => {
    const { web } = await readyWorld({ outlier: { consecutiveFailures: 1 } });
    const caller = new AbortController();
    const running = failed(web.run(never, { retries: 3, signal: caller.signal }));
    caller.abort('enough');
    expect(await running).toBe('enough');
    expect(web.stats()).toMatchObject({ inFlight: 0, ejected: 0 });
    expect(await failed(web.run(never, { signal: caller.signal }))).toBe('enough');
  });

  it('waits for a first list, within its total timeout', async () => {
    const { discovery, source, clock } = await readyWorld();
    const opened = source.hold();
    const api = discovery.service('api');
    const running = api.run(({ host }) => letterOf(host));
    opened();
    expect('abc').toContain(await running);
    source.hold();
    const late = failed(discovery.service('late').run(() => 1, { timeout: 70 }));
    await clock.advance(70);
    expect(await late).toMatchObject({ code: 'ERR_TIMEOUT', attempts: [] });
  });

  it('fails as ready() does where there is nothing', async () => {
    const { discovery, source } = await readyWorld();
    source.answer = notFound();
    expect(await failed(discovery.service('none').run(() => 1))).toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
  });

  it('refuses bad options before anything is called', async () => {
    const { web } = await readyWorld();
    let called = false;
    const work = () => {
      called = true;
    };
    expect(await failed(web.run(work, { retries: -1 }))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(await failed(web.run(work, { retryOn: 'all' as never }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
    expect(await failed(web.run('work' as never))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(called).toBe(false);
  });
});
