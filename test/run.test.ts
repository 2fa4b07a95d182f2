import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  type Balancer,
  type Endpoint,
  type Outcome,
  RequestTimeoutError,
  RetriesExhaustedError,
} from '../src/index.ts';
import { Run } from '../src/run.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, letterOf } from './lists.ts';
import { notFound } from './scripted-source.ts';
import { readyWorld } from './service-world.ts';

const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
const failed = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );
const never = () => new Promise<never>(() => {});

/** A user's strategy: the first that is not excluded, and what else it does. */
function listening(rest: Partial<Balancer> & { picking?: (...args: Parameters<Balancer['pick']>) => void }) {
  return (): Balancer => {
    let all: readonly Endpoint[] = [];
    return {
      update: ({ endpoints }) => {
        all = endpoints;
      },
      pick: (key, exclude) => {
        rest.picking?.(key, exclude);
        return all.find((endpoint) => exclude?.has(endpoint) !== true);
      },
      ...rest,
    };
  };
}

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

  it('tries no more than two without being told', async () => {
    const { web } = await readyWorld();
    const error = await failed(web.run(() => Promise.reject(refused())));
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', attempts: [{}, {}] });
  });

  it('tells the strategy how each attempt went: how long it took, why it failed, whether the caller gave up', async () => {
    const told: Outcome[] = [];
    const { web, clock } = await readyWorld({
      balancer: listening({ finished: (_, how) => told.push(how) }),
    });
    const caller = new AbortController();
    const error = new Error('503');
    const running = failed(
      web.run(
        async (_endpoint, { attempt }) => {
          await new Promise<void>((resolve) => clock.setTimeout(resolve, 10 * attempt));
          if (attempt === 1) throw error;
        },
        { retries: 1 },
      ),
    );
    await clock.advance(30);
    expect(await running).toBe(undefined);
    const leaving = failed(web.run(never, { signal: caller.signal }));
    caller.abort('enough');
    await leaving;
    expect(told).toEqual([
      { ok: false, elapsed: 10, error },
      { ok: true, elapsed: 20 },
      { ok: false, elapsed: 0, error: 'enough', aborted: true },
    ]);
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
    const { web } = await readyWorld({ balancer: 'first' }, 'abc');
    let tried = '';
    await failed(
      web.run(
        ({ host }) => {
          tried += letterOf(host);
          throw new Error('503');
        },
        { retries: 6 },
      ),
    );
    expect(tried).toBe('abcabca');
  });

  it('goes where it was tried rather than to the full or the ejected, and to a lower priority before that', async () => {
    const addresses = [...'abcd'].map((letter) => address(letter, { priority: letter === 'd' ? 2 : 1 }));
    const settings = { balancer: 'first', maxInFlight: 1, outlier: { consecutiveFailures: 2 } };
    const { web } = await readyWorld(settings, { addresses });
    const [a, b] = web.endpoints;
    for (let i = 0; i < 2; i++) web.report(a!, { ok: false });
    const held = web.acquire();
    expect(held.endpoint).toBe(b);
    let tried = '';
    await failed(
      web.run(
        ({ host }) => {
          tried += letterOf(host);
          throw refused();
        },
        { retries: 2 },
      ),
    );
    expect(tried).toBe('cdc');
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
    expect(error.cause).toBe(error.attempts[1]!.cause);
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

  it('ends with that reason in whatever attempt it is, and between two', async () => {
    const { web } = await readyWorld();
    const caller = new AbortController();
    const second = failed(
      web.run(
        (_endpoint, { attempt }) => {
          if (attempt === 1) throw refused();
          queueMicrotask(() => caller.abort('enough'));
          return never();
        },
        { signal: caller.signal },
      ),
    );
    expect(await second).toBe('enough');
    const another = new AbortController();
    let calls = 0;
    const between = failed(
      web.run(
        () => {
          calls++;
          throw refused();
        },
        {
          signal: another.signal,
          retries: 3,
          retryOn: () => {
            another.abort('no more');
            return true;
          },
        },
      ),
    );
    expect(await between).toBe('no more');
    expect(calls).toBe(1);
  });

  it('is a use of the service as long as it is awaited', async () => {
    const { web, clock } = await readyWorld({}, 'abc', { idle: 1_000 });
    const caller = new AbortController();
    const running = failed(web.run(never, { signal: caller.signal }));
    await clock.advance(60_000);
    expect(web.stats().idle).toBe(false);
    caller.abort('enough');
    await running;
    await clock.advance(60_000);
    expect(web.stats().idle).toBe(true);
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
    expect(await late).toMatchObject({
      code: 'ERR_TIMEOUT',
      attempts: [],
      message: expect.stringContaining('no list of endpoints in 70 ms'),
    });
  });

  it('fails as ready() does where there is nothing', async () => {
    const { discovery, source } = await readyWorld();
    source.answer = notFound();
    expect(await failed(discovery.service('none').run(() => 1))).toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
  });

  it('has a budget without being told: 100 retries, and one for every five requests', async () => {
    const { web } = await readyWorld();
    let calls = 0;
    const work = () => {
      calls++;
      throw new Error('503');
    };
    for (let i = 0; i < 150; i++) await failed(web.run(work, { retries: 1 }));
    expect(calls).toBe(150 + 100 + 150 / 5);
  });

  it('counts only requests that reached somebody for the retry budget', async () => {
    const { web } = await readyWorld({ retryBudget: { perSecond: 0, share: 1 }, maxInFlight: 1 }, 'ab');
    const held = [web.acquire(), web.acquire()];
    for (let i = 0; i < 5; i++)
      expect(await failed(web.run(never))).toMatchObject({ code: 'ERR_OVERLOADED' });
    for (const lease of held) lease.release();
    let calls = 0;
    const error = await failed(
      web.run(
        () => {
          calls++;
          throw new Error('503');
        },
        { retries: 2 },
      ),
    );
    expect([calls, error.message]).toEqual([2, expect.stringContaining('retry budget')]);
  });

  it('repeats where a function says true and nothing else: a promise says nothing yet', async () => {
    const { web } = await readyWorld();
    const mine = new Error('mine');
    let calls = 0;
    const work = () => {
      calls++;
      throw mine;
    };
    expect(await failed(web.run(work, { retries: 3, retryOn: (async () => true) as never }))).toBe(mine);
    expect(calls).toBe(1);
  });

  it('keeps what failed where the function that is asked fails itself', async () => {
    const { web } = await readyWorld();
    const mine = new Error('mine');
    const error = await failed(
      web.run(() => Promise.reject(mine), {
        retries: 3,
        retryOn: () => {
          throw new TypeError('no status');
        },
      }),
    );
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', cause: mine });
    expect(error.message).toMatch(/no further attempt: retryOn threw: no status\. Attempt 1,.*: mine\.$/);
  });

  it('keeps what failed where no other attempt can be made', async () => {
    const { web } = await readyWorld();
    const mine = new Error('mine.');
    const closing = await failed(
      web.run(
        () => {
          web.close();
          throw mine;
        },
        { retries: 3 },
      ),
    );
    expect(closing).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', cause: mine });
    expect(closing.message).toMatch(/no further attempt: .*the service was closed.*\. Attempt 1,.*: mine\.$/);
    expect(closing.attempts).toHaveLength(1);
    expect(closing.attempts[0].endpoint.inFlight).toBe(0);
  });

  it('tells of whatever was thrown', async () => {
    const picking = (_key?: string, exclude?: object) => {
      if (exclude !== undefined) throw undefined;
    };
    const { web } = await readyWorld({ balancer: listening({ picking }) });
    const error = await failed(web.run(() => Promise.reject({ status: 503 }), { retries: 1 }));
    expect(error.message).toMatch(/no further attempt: undefined\. Attempt 1,.*: { status: 503 }\.$/);
    const nameless = await failed(web.run(() => Promise.reject(new AggregateError([])), { retries: 1 }));
    expect(nameless.message).toMatch(/: AggregateError\.$/);
    expect(web.stats().inFlight).toBe(0);
  });

  it('lets what was started and cut off end in silence, and its end counts no more', async () => {
    const { web, clock } = await readyWorld({}, 'a');
    let fail = (_error: Error) => {};
    const late = () =>
      new Promise<never>((_, reject) => {
        fail = reject;
      });
    const running = failed(web.run(late, { attemptTimeout: 50, retries: 0 }));
    await clock.advance(50);
    expect(await running).toMatchObject({ code: 'ERR_TIMEOUT' });
    fail(new Error('late'));
    await clock.advance(0);
    expect(web.stats()).toMatchObject({ inFlight: 0 });
  });

  it('hands back what is no promise, and takes a throw for a failure', async () => {
    const { web } = await readyWorld();
    expect(await web.run(() => 7)).toBe(7);
    expect(await web.run(() => undefined)).toBe(undefined);
    expect(web.stats().inFlight).toBe(0);
  });

  it('hands the same key to every attempt', async () => {
    const keys: (string | undefined)[] = [];
    const picking = (key?: string) => void keys.push(key);
    const { web } = await readyWorld({ balancer: listening({ picking }) }, 'ab');
    await failed(web.run(() => Promise.reject(new Error('503')), { key: 'user 1', retries: 2 }));
    expect(keys).toEqual(['user 1', 'user 1', 'user 1', 'user 1']);
  });

  it('leaves no listener at the signal and no timer, however it ends', async () => {
    const { web, clock } = await readyWorld();
    const before = clock.pending;
    const caller = new AbortController();
    const options = { signal: caller.signal, timeout: 1_000, attemptTimeout: 100, retries: 1 };
    await web.run(() => 1, options);
    await failed(web.run(() => Promise.reject(refused()), options));
    expect(clock.pending).toBe(before);
    const late = failed(web.run(never, options));
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    await clock.advance(200);
    await late;
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
    expect(clock.pending).toBe(before);
  });

  it('takes one signal for any number of requests at a time, without an alarm of a leak', async () => {
    const { web } = await readyWorld();
    const alarms: Error[] = [];
    const listener = (warning: Error) => void alarms.push(warning);
    process.on('warning', listener);
    const caller = new AbortController();
    const running = Array.from({ length: 20 }, () => failed(web.run(never, { signal: caller.signal })));
    await new Promise((resolve) => setImmediate(resolve));
    caller.abort('enough');
    expect(new Set(await Promise.all(running))).toEqual(new Set(['enough']));
    expect(alarms).toEqual([]);
    process.off('warning', listener);
  });

  it('aborts the signal of the attempt with the reason of the caller, also where a strategy brought that about', async () => {
    const caller = new AbortController();
    const started = () => caller.abort('enough');
    const { web } = await readyWorld({ balancer: listening({ started }) });
    let seen: unknown;
    const running = web.run(
      (_endpoint, { signal }) => {
        seen = signal.reason;
        return never();
      },
      { signal: caller.signal },
    );
    expect(await failed(running)).toBe('enough');
    expect(seen).toBe('enough');
    expect(web.stats().inFlight).toBe(0);
  });

  it('cut short by the total, says something of the endpoint only where that had most of the time', async () => {
    const { web, clock } = await readyWorld({ outlier: { consecutiveFailures: 1 } }, 'abcdefgh');
    const patient = failed(web.run(never, { timeout: 100 }));
    await clock.advance(100);
    await patient;
    expect(web.stats().ejected).toBe(1);
    const hasty = failed(
      web.run(
        async (_endpoint, { attempt }) => {
          if (attempt > 1) return never();
          await new Promise<void>((resolve) => clock.setTimeout(resolve, 60));
          throw new Error('503');
        },
        { timeout: 100, retries: 1 },
      ),
    );
    await clock.advance(100);
    expect(await hasty).toMatchObject({ code: 'ERR_TIMEOUT', attempts: [{ elapsed: 60 }] });
    expect(web.stats().ejected).toBe(2);
  });

  it('makes no attempt after its time, also where the program did not come to its timers', async () => {
    const { web } = await readyWorld();
    const clock = { ...createFakeClock(), time: 0, now: () => clock.time };
    const acquire = () => web.acquire();
    const setup = { service: 'web', clock, budget: undefined, first: undefined, acquire, nobody: refused };
    let calls = 0;
    const work = () => {
      calls++;
      clock.time += 100;
      throw refused();
    };
    const error = await failed(new Run(setup, work, { timeout: 100, retries: 3 }).result());
    expect(error).toMatchObject({ code: 'ERR_TIMEOUT', attempts: [{ elapsed: 100 }] });
    expect(error.message).not.toContain('under way');
    expect(calls).toBe(1);
  });

  it('refuses bad options before anything is called', async () => {
    const { web } = await readyWorld();
    let called = false;
    const work = () => {
      called = true;
    };
    const bad = [
      { retries: -1 },
      { retries: 1.5 },
      { retries: 101 },
      { retryOn: 'all' },
      { timeout: 0 },
      { attemptTimeout: 0 },
      { timeout: 2 ** 31 },
      { attemptTimeout: Number.NaN },
      { signal: {} },
      { key: 7 },
      { retry: 1 },
    ];
    for (const options of bad)
      expect(await failed(web.run(work, options as never))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(await failed(web.run('work' as never))).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(called).toBe(false);
  });
});
