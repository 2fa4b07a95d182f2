import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Balancer, Endpoint, Lease, Outcome } from '../src/index.ts';
import { letters, readyWorld } from './service-world.ts';

/** A strategy that writes down what it is told. */
function recording(told: string[], timed = false) {
  return (): Balancer => {
    let endpoints: readonly Endpoint[] = [];
    const say = (what: string) => (endpoint: Endpoint, outcome?: Outcome) =>
      void told.push(
        [what, letters([endpoint]), endpoint.inFlight, outcome?.ok, outcome?.elapsed].join(' ').trim(),
      );
    return {
      timed,
      update: (snapshot) => {
        endpoints = snapshot.endpoints;
      },
      pick: (_key, exclude) => endpoints.find((endpoint) => exclude?.has(endpoint) !== true),
      started: say('started'),
      finished: say('finished'),
      reported: say('reported'),
    };
  };
}

describe('a lease', () => {
  it('counts a request in flight from acquire to release', async () => {
    const { web } = await readyWorld();
    const lease = web.acquire();
    expect(lease.endpoint.inFlight).toBe(1);
    expect(web.stats().inFlight).toBe(1);
    lease.release();
    expect(lease.endpoint.inFlight).toBe(0);
  });

  it('is released exactly once, however often it is said', async () => {
    const { web } = await readyWorld();
    const lease = web.acquire();
    expect(lease.held).toBe(true);
    lease.release({ ok: false });
    lease.release({ ok: true });
    lease[Symbol.dispose]();
    expect(lease.held).toBe(false);
    expect(lease.endpoint.inFlight).toBe(0);
  });

  it('ends with its block, as a success unless something else was said before', async () => {
    const told: string[] = [];
    const { web } = await readyWorld({ balancer: recording(told) });
    web.acquire()[Symbol.dispose]();
    const lease = web.acquire();
    lease.release({ ok: false });
    lease[Symbol.dispose]();
    expect(told).toEqual(['started a 1', 'finished a 0 true', 'started a 1', 'finished a 0 false']);
  });

  it('tells the strategy of its beginning and its end, and reads no clock for one that does not want the time', async () => {
    const told: string[] = [];
    const { web, clock } = await readyWorld({ balancer: recording(told) });
    const lease = web.acquire();
    await clock.advance(12);
    lease.release();
    expect(told).toEqual(['started a 1', 'finished a 0 true']);
  });

  it('measures for a strategy that wants the time, unless it is told', async () => {
    const told: string[] = [];
    const { web, clock } = await readyWorld({ balancer: recording(told, true) });
    const lease = web.acquire();
    await clock.advance(12);
    lease.release();
    web.acquire().release({ ok: false, elapsed: 7 });
    expect(told.filter((text) => text.startsWith('finished'))).toEqual([
      'finished a 0 true 12',
      'finished a 0 false 7',
    ]);
  });

  it('hands on all that was said, also where the time is added to it', async () => {
    const told: Outcome[] = [];
    const timed = (): Balancer => ({
      ...recording([], true)(),
      finished: (_, outcome) => void told.push(outcome),
    });
    const { web } = await readyWorld({ balancer: timed });
    const error = new Error('503');
    web.acquire().release({ ok: false, error });
    web.acquire().release({ ok: false, error, aborted: true });
    web.acquire().release({ ok: true });
    expect(told).toEqual([
      { ok: false, elapsed: 0, error, aborted: false },
      { ok: false, elapsed: 0, error, aborted: true },
      { ok: true, elapsed: 0 },
    ]);
  });

  it('is not made by a service that was closed', async () => {
    const { web } = await readyWorld();
    web.close();
    expect(() => web.acquire()).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('goes to none that are excluded, and says so where none is left', async () => {
    const { web } = await readyWorld();
    const [a, b, c] = web.endpoints as [Endpoint, Endpoint, Endpoint];
    expect(web.acquire({ exclude: new Set([a, c]) }).endpoint).toBe(b);
    expect(() => web.acquire({ exclude: new Set([a, b, c]) })).toThrow(/3 excluded by the caller/);
    expect(() => web.acquire({ exclude: [a] as never })).toThrow(
      /acquire\.exclude: expected an object with has\(\)/,
    );
  });

  it('may be released after its endpoint has left, and counts where it returns', async () => {
    const { web, source, clock } = await readyWorld({ balancer: 'least-in-flight' });
    const lease = web.acquire({ exclude: new Set(web.endpoints.slice(1)) });
    source.answer = 'bc';
    await clock.advance(20_000);
    expect(letters(web.endpoints)).toBe('bc');
    source.answer = 'abc';
    await clock.advance(20_000);
    expect(web.endpoints[0]).toBe(lease.endpoint);
    expect(web.endpoints[0]!.inFlight).toBe(1);
    lease.release();
    expect(web.endpoints[0]!.inFlight).toBe(0);
  });

  it('may be released after the service was closed', async () => {
    const told: string[] = [];
    const { web } = await readyWorld({ balancer: recording(told) });
    const lease = web.acquire();
    web.close();
    lease.release({ ok: false });
    expect(lease.endpoint.inFlight).toBe(0);
    expect(told).toEqual(['started a 1']);
  });

  it('stays held when it is released with something that is no outcome', async () => {
    const { web } = await readyWorld();
    const lease = web.acquire();
    expect(() => lease.release('bad' as never)).toThrow(/release: expected an outcome like/);
    expect(() => lease.release(null as never)).toThrow(/release: expected an outcome like/);
    expect(() => lease.release({ error: 1 } as never)).toThrow(/release: expected an outcome like/);
    expect(() => lease.release({ ok: true, elapsed: -1 })).toThrow(/release\.elapsed: expected milliseconds/);
    expect(lease.held).toBe(true);
    lease.release();
    expect(lease.endpoint.inFlight).toBe(0);
  });

  it('may be given up, with nothing said of how it went', async () => {
    const { web } = await readyWorld({ outlier: { consecutiveFailures: 1 } });
    web.acquire().release({ aborted: true } as Outcome);
    expect(web.stats()).toMatchObject({ inFlight: 0, ejected: 0 });
  });

  it('is counted also where the strategy of a user throws, which is said once', async () => {
    const broken = (): Balancer => ({
      update: () => {},
      pick: () => undefined,
      started: () => {
        throw new Error('oops');
      },
    });
    const { web, warnings } = await readyWorld({ balancer: broken }, 'a');
    web.setBalancer(() => {
      let only: Endpoint | undefined;
      return {
        ...broken(),
        update: ({ endpoints }) => {
          only = endpoints[0];
        },
        pick: () => only,
      };
    });
    web.acquire();
    const lease = web.acquire();
    lease.release();
    expect(lease.endpoint.inFlight).toBe(1);
    expect(warnings.map(({ code }) => code)).toEqual(['BALANCER_FAILED']);
  });
});

describe('a lease in the hands of a strategy of a user', () => {
  it('is released once, also by who hears of its release', async () => {
    const held: Lease[] = [];
    const broken = (): Balancer => ({
      ...recording([])(),
      finished: () => {
        throw new Error('mine');
      },
    });
    const releaseAll = () => {
      for (const lease of held) lease.release();
    };
    const { web } = await readyWorld({ balancer: broken }, 'a', { onWarning: releaseAll });
    held.push(web.acquire());
    releaseAll();
    expect(web.stats().inFlight).toBe(0);
  });

  it('goes to nobody who is full or excluded, whatever the strategy takes notice of', async () => {
    let only: Endpoint | undefined;
    const stubborn = (): Balancer => ({
      update: ({ endpoints }) => {
        only = endpoints[0];
      },
      pick: () => only,
    });
    const { web } = await readyWorld({ balancer: stubborn, maxInFlight: 2 });
    const leases = Array.from({ length: 6 }, () => web.acquire());
    expect(leases.slice(0, 2).map(({ endpoint }) => endpoint)).toEqual([only, only]);
    expect(web.endpoints.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
    expect(() => web.acquire()).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
    leases[0]!.release();
    leases[5]!.release();
    expect(web.pick()).toBe(only);
    expect(web.acquire({ exclude: new Set([only!]) }).endpoint).toBe(leases[5]!.endpoint);
  });

  it('tells that strategy how many at most must not be chosen: the full and the excluded', async () => {
    const sizes: (number | undefined)[] = [];
    const noting = (): Balancer => {
      const balancer = recording([])();
      return {
        ...balancer,
        pick: (key, exclude) => {
          sizes.push(exclude?.size);
          return balancer.pick(key, exclude);
        },
      };
    };
    const { web } = await readyWorld({ balancer: noting, maxInFlight: 1 }, 'abcd');
    web.acquire();
    web.acquire();
    web.acquire({ exclude: new Set([web.endpoints[2]!]) });
    expect(sizes).toEqual([undefined, 1, 3]);
  });

  it('is not made where that strategy throws, nor counted', async () => {
    const broken = (): Balancer => ({
      update: () => {},
      pick: () => {
        throw new Error('mine');
      },
    });
    const { web } = await readyWorld({ balancer: broken });
    expect(() => web.acquire()).toThrow('mine');
    expect(web.stats().inFlight).toBe(0);
  });

  it('is neither measured nor told twice, where the strategy changes while it is held', async () => {
    const told: string[] = [];
    const { web, clock } = await readyWorld({ balancer: recording(told) }, 'a');
    const untimed = web.acquire();
    web.setBalancer(recording(told, true));
    const timed = web.acquire();
    await clock.advance(5);
    untimed.release();
    timed.release();
    const again = web.acquire();
    web.setBalancer(recording(told));
    again.release();
    expect(told).toEqual([
      'started a 1',
      'started a 2',
      'finished a 1 true',
      'finished a 0 true 5',
      'started a 1',
      'finished a 0 true',
    ]);
  });
});

describe('report', () => {
  it('tells the strategy how a picked endpoint did, without anything in flight, until it is closed', async () => {
    const told: string[] = [];
    const { web } = await readyWorld({ balancer: recording(told) });
    web.report(web.pick(), { ok: false, elapsed: 30 });
    const left = web.pick();
    web.close();
    web.report(left, { ok: false });
    expect(told).toEqual(['reported a 0 false 30']);
  });

  it('refuses what is no endpoint or no outcome', async () => {
    const { web } = await readyWorld();
    expect(() => web.report({} as never, { ok: true })).toThrow(
      /report: expected an endpoint that was picked/,
    );
    expect(() => web.report(web.pick(), true as never)).toThrow(/report: expected an outcome/);
  });

  it('does no harm for an endpoint that left, or after close()', async () => {
    const { web, source, clock } = await readyWorld({ balancer: 'peak-ewma', outlier: true });
    const [a] = web.endpoints;
    source.answer = 'bc';
    await clock.advance(20_000);
    web.report(a!, { ok: false });
    web.close();
    web.report(a!, { ok: false });
  });
});

describe('leaked leases', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  async function collected(until: () => boolean, rounds = 200): Promise<boolean> {
    for (let i = 0; i < rounds && !until(); i++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return until();
  }

  it('are found with leakSampling, taken out of flight as nobody’s failure, and said once with the place they come from', async () => {
    const { web, warnings } = await readyWorld({ leakSampling: 1, outlier: { consecutiveFailures: 1 } });
    const leak = () => {
      for (let i = 0; i < 20; i++) web.acquire();
    };
    leak();
    expect(web.stats().inFlight).toBe(20);
    // The last one may still stand in a register.
    expect(await collected(() => web.stats().inFlight <= 1)).toBe(true);
    expect(web.stats().ejections).toBe(0);
    expect(warnings.map(({ code }) => code)).toEqual(['LEASE_LEAKED']);
    expect(warnings[0]!.message).toMatch(/dropped without release\(\)[\s\S]*leak .*lease\.test/);
  });

  it('are found by samples: so many of a hundred as leakSampling says', async () => {
    const { web } = await readyWorld({ leakSampling: 0.2 });
    const leak = () => {
      for (let i = 0; i < 100; i++) web.acquire();
    };
    leak();
    await collected(() => false, 20);
    expect(web.stats().inFlight).toBeGreaterThan(60);
    expect(web.stats().inFlight).toBeLessThan(95);
  });

  it('are not looked for without being asked to', async () => {
    const { web } = await readyWorld();
    const leak = () => {
      for (let i = 0; i < 20; i++) web.acquire();
    };
    leak();
    await collected(() => false, 20);
    expect(web.stats().inFlight).toBe(20);
  });

  it('are not made of leases that were released', async () => {
    const { web, warnings } = await readyWorld({ leakSampling: 1 });
    for (let i = 0; i < 20; i++) web.acquire().release();
    await collected(() => warnings.length > 0, 20);
    expect(warnings).toEqual([]);
    expect(web.stats().inFlight).toBe(0);
  });
});
