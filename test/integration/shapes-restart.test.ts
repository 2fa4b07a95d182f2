import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { discover, seen } from './asking.ts';
import { describeWithConsul, startAgent } from './consul-agent.ts';

describeWithConsul('a single server of real Consul restarts', () => {
  it('what is held is never empty, and fresh again within seconds', async () => {
    // Read at each start. Consul's own 5 makes the election last for seconds, in which questions are held.
    const election = { raft_multiplier: 1 };
    const agent = await startAgent({ dev: false, config: { performance: election } });
    try {
      await agent.registerMany([1, 2, 3].map((i) => ({ name: 'web', address: `10.7.0.${i}`, port: 80 })));
      const { discovery, warnings } = discover(agent, { ttl: { min: 500, max: 500 } });
      const web = discovery.service('web');
      await web.ready();

      let fewest = Number.POSITIVE_INFINITY;
      let picks = 0;
      let oldest = 0;
      let over = false;
      const failures = new Set<string>();
      const changes: string[] = [];
      web.subscribe((_snapshot, { added, removed, why }) =>
        changes.push(`${why} +${added.length} -${removed.length}`),
      );
      const watch = (async () => {
        for (; !over; await sleep(10)) {
          web.pick();
          picks++;
          fewest = Math.min(fewest, web.endpoints.length);
          const { lastError, age } = web.stats();
          oldest = Math.max(oldest, age);
          if (lastError !== undefined)
            failures.add(/no reply|SERVFAIL|ECONNREFUSED|NXDOMAIN|refused/.exec(lastError)?.[0] ?? lastError);
        }
      })();
      const started = performance.now();
      election.raft_multiplier = 5;
      await agent.restart();
      const ready = performance.now();
      await agent.register({ name: 'web', address: '10.7.0.4', port: 80 });
      await expect.poll(() => web.endpoints.length, { timeout: 20_000, interval: 10 }).toBe(4);
      const fresh = Math.round(performance.now() - ready);
      over = true;
      await watch;

      const codes = warnings.map(({ code }) => code);
      seen(agent, 'a server with a data directory restarts', {
        picks,
        fewest,
        'leader and DNS back after': Math.round(ready - started),
        'a new instance seen after that': fresh,
        oldest: Math.round(oldest),
        failures: [...failures],
        changes,
        codes,
      });
      expect([fewest, changes]).toEqual([3, ['resolved +1 -0']]);
      expect(['', 'CONSUL_UNAVAILABLE']).toContain(codes.join());
      expect(web.snapshot.stale).toBe(false);
      expect(fresh).toBeLessThan(12_000);
    } finally {
      await agent.stop();
    }
  });
});
