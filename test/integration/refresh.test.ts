import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const interval = 1_000;
const allowance = 50;
/** Each is refreshed at times of its own. */
const services = 6;
const roundsEach = 5;

describeWithConsul('a change of health', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());

  it(`is seen by pick() within a refresh interval and ${allowance} ms`, async () => {
    const names = Array.from({ length: services }, (_, i) => `web${i}`);
    await agent.registerMany(
      names.flatMap((name, service) =>
        [1, 2, 3].map((i) => ({
          name,
          id: `${name}-${i}`,
          address: `10.8.${service}.${i}`,
          port: 80,
          check: { TTL: '10m', Status: 'passing' },
        })),
      ),
    );
    const discovery = createDiscovery({
      servers: [agent.dnsAddress],
      ttl: { min: interval, max: interval },
    });
    const gone: number[] = [];
    const back: number[] = [];

    const watch = async (name: string, service: number) => {
      const web = discovery.service(name);
      await web.ready();
      expect(web.snapshot.complete).toBe(true);
      /** Several turns of the rotation, so that who is listed is picked. */
      const isPicked = () => Array.from({ length: 6 }, () => web.pick().host).includes(`10.8.${service}.1`);
      const untilPicked = async (wanted: boolean, since: number) => {
        while (isPicked() !== wanted) {
          if (performance.now() - since > 10 * interval) throw new Error('no change within 10 intervals');
          await sleep(1);
        }
        return performance.now() - since;
      };
      for (let round = 0; round < roundsEach; round++) {
        // At any phase of the refreshes, not right after one.
        await sleep(interval * Math.random());
        let started = performance.now();
        await agent.http('PUT', `/v1/agent/check/fail/service:${name}-1`);
        gone.push(await untilPicked(false, started));
        await sleep(interval * Math.random());
        started = performance.now();
        await agent.http('PUT', `/v1/agent/check/pass/service:${name}-1`);
        back.push(await untilPicked(true, started));
      }
    };
    await Promise.all(names.map(watch));
    await discovery.close();

    const rounds = services * roundsEach;
    expect([gone.length, back.length]).toEqual([rounds, rounds]);
    const shown = (times: number[]) =>
      `${Math.round(times.toSorted((a, b) => a - b)[rounds / 2]!)} / ${Math.round(Math.max(...times))} ms`;
    console.info(
      `Consul ${agent.version}, refresh interval ${interval} ms, ${rounds} rounds: failed → not picked ${shown(gone)}, passing → picked ${shown(back)} (median / max)`,
    );
    expect(Math.max(...gone)).toBeLessThanOrEqual(interval + allowance);
    expect(Math.max(...back)).toBeLessThanOrEqual(interval + allowance);
  });
});
