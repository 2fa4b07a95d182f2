import { describe, expect, it } from 'vitest';
import { readyWorld } from '../service-world.ts';

describe('when all that are left are on trial', () => {
  async function allOnTrial(maxInFlight = Number.POSITIVE_INFINITY) {
    const outlier = { consecutiveFailures: 1, maxEjected: 1 };
    const world = await readyWorld({ outlier, maxInFlight }, 'ab');
    for (const endpoint of world.web.endpoints) world.web.report(endpoint, { ok: false });
    await world.clock.advance(12_000);
    return world;
  }

  it('a burst is shared among them: a trial is a precaution, not a limit', async () => {
    const { web } = await allOnTrial();
    const leases = Array.from({ length: 10 }, () => web.acquire());
    expect(web.endpoints.map(({ inFlight }) => inFlight)).toEqual([5, 5]);
    expect(() => web.pick()).not.toThrow();
    for (const lease of leases) lease.release();
    expect(web.stats()).toMatchObject({ full: 0, inFlight: 0 });
  });

  it('maxInFlight holds for them as for all', async () => {
    const { web } = await allOnTrial(2);
    for (let i = 0; i < 4; i++) web.acquire();
    expect(() => web.acquire()).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
  });
});
