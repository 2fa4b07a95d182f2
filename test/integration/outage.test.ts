import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createDiscovery, type DiscoveryWarning } from '../../src/index.ts';
import { describeWithConsul, startAgent } from './consul-agent.ts';

describeWithConsul('an outage of Consul', () => {
  it('of 30 s is one warning: pick goes on, and within two refreshes all is as before', async () => {
    const agent = await startAgent({ dev: false });
    const warnings: DiscoveryWarning[] = [];
    const discovery = createDiscovery({
      servers: [agent.dnsAddress],
      onWarning: (warning) => void warnings.push(warning),
    });
    try {
      await agent.registerMany(
        [1, 2, 3].map((i) => ({ name: 'web', id: `web-${i}`, address: `10.7.0.${i}`, port: 80 })),
      );
      const services = [discovery.service('web'), discovery.service('web.service.dc1.consul')];
      for (const service of services) await service.ready();
      const [web] = services as [(typeof services)[0]];

      await agent.kill();
      let picks = 0;
      const until = performance.now() + 30_000;
      while (performance.now() < until) {
        expect(web.pick().port).toBe(80);
        picks++;
        await sleep(10);
      }
      expect(web.snapshot).toMatchObject({ stale: true });
      expect(web.endpoints).toHaveLength(3);
      expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE']);

      await agent.restart();
      await agent.register({ name: 'web', id: 'web-4', address: '10.7.0.4', port: 80 });
      const failures = web.stats().failures;
      const back = performance.now();
      await expect.poll(() => web.endpoints.length, { timeout: 20_000, interval: 20 }).toBe(4);
      const recovered = performance.now() - back;
      // Two refreshes of 4.5 s at most.
      expect(recovered).toBeLessThan(2 * 4_500 + 200);
      expect(web.snapshot.stale).toBe(false);
      expect(warnings).toHaveLength(1);
      console.info(
        `Consul ${agent.version} killed for 30 s: ${picks} picks answered, ${warnings.length} warning, ${failures} failed questions, fresh again ${Math.round(recovered)} ms after its return`,
      );
    } finally {
      await discovery.close();
      await agent.stop();
    }
  });
});
