import { describe, expect, it } from 'vitest';
import { unreachable } from './scripted-source.ts';
import { readyWorld } from './service-world.ts';

const refused = ({ host, port }: { host: string; port: number }) =>
  Object.assign(new Error('connect ECONNREFUSED'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address: host,
    port,
  });

/** A ready service whose first refresh is far away, and how often was asked since. */
async function world() {
  const at = await readyWorld({}, 'abc', { ttl: { min: 60_000, jitter: 0 } });
  const before = at.source.asked.length;
  return { ...at, asked: () => at.source.asked.length - before };
}

describe('an instance that cannot be reached', () => {
  it('has the list asked for at once, past the cache: it may have left', async () => {
    const { web, source, clock, asked } = await world();
    source.answer = 'bc';
    const [a] = web.endpoints;
    web.report(a!, { ok: false, error: refused(a!) });
    await clock.advance(0);
    expect(asked()).toBe(1);
    expect(web.endpoints).toHaveLength(2);
  });

  it('is asked about once a second, however often it is tried', async () => {
    const { web, clock, asked } = await world();
    for (let i = 0; i < 30; i++) {
      const lease = web.acquire();
      lease.release({ ok: false, error: refused(lease.endpoint) });
      await clock.advance(100);
    }
    expect(asked()).toBe(3);
  });

  it('says so also by a run() and wrapped in other errors', async () => {
    const { web, clock, asked } = await world();
    await web
      .run(
        (endpoint) => {
          throw new TypeError('fetch failed', { cause: refused(endpoint) });
        },
        { retries: 0 },
      )
      .catch(() => {});
    await clock.advance(0);
    expect(asked()).toBe(1);
  });

  it('is another thing than one that fails otherwise, and than a caller who gives up', async () => {
    const { web, clock, asked } = await world();
    const [a] = web.endpoints;
    web.report(a!, { ok: false, error: new Error('500') });
    web.report(a!, { ok: false });
    web.report(a!, { ok: false, aborted: true, error: refused(a!) });
    await clock.advance(5_000);
    expect(asked()).toBe(0);
  });

  it('does not hurry the retries of an outage of Consul', async () => {
    const { web, source, clock } = await world();
    source.answer = unreachable();
    await web.refresh().catch(() => {});
    const before = source.asked.length;
    const [a] = web.endpoints;
    for (let i = 0; i < 20; i++) {
      web.report(a!, { ok: false, error: refused(a!) });
      await clock.advance(1_000);
    }
    // 1 s, 2 s, 4 s, 8 s and then every 10 s at most.
    expect(source.asked.length - before).toBeLessThanOrEqual(5);
  });
});
