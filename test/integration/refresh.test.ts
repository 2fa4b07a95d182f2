import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const interval = 1_000;
const allowance = 50;
const rounds = 30;

describeWithConsul('a change of health', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());

  it(`is seen by pick() within a refresh interval and ${allowance} ms`, async () => {
    const id = 'web-1';
    await agent.registerMany(
      [1, 2, 3].map((i) => ({
        name: 'web',
        id: `web-${i}`,
        address: `10.8.0.${i}`,
        port: 80,
        check: { TTL: '10m', Status: 'passing' },
      })),
    );
    const discovery = createDiscovery({
      servers: [agent.dnsAddress],
      ttl: { min: interval, max: interval },
    });
    const web = discovery.service('web');
    await web.ready();
    expect(web.snapshot.complete).toBe(true);
    /** Several turns of the rotation, so that who is listed is picked. */
    const isPicked = () => Array.from({ length: 6 }, () => web.pick().host).includes('10.8.0.1');
    const untilPicked = async (wanted: boolean, since: number) => {
      while (isPicked() !== wanted) {
        if (performance.now() - since > 10 * interval) throw new Error('no change within 10 intervals');
        await sleep(1);
      }
      return performance.now() - since;
    };

    const gone: number[] = [];
    const back: number[] = [];
    for (let round = 0; round < rounds; round++) {
      let started = performance.now();
      await agent.http('PUT', `/v1/agent/check/fail/service:${id}`);
      gone.push(await untilPicked(false, started));
      // At any phase of the refreshes, not right after one.
      await sleep(interval * Math.random());
      started = performance.now();
      await agent.http('PUT', `/v1/agent/check/pass/service:${id}`);
      back.push(await untilPicked(true, started));
      await sleep(interval * Math.random());
    }
    await discovery.close();
    const shown = (times: number[]) =>
      `${Math.round(times.toSorted((a, b) => a - b)[rounds / 2]!)} / ${Math.round(Math.max(...times))} ms`;
    console.info(
      `Consul ${agent.version}, refresh interval ${interval} ms, ${rounds} rounds: failed → not picked ${shown(gone)}, passing → picked ${shown(back)} (median / max)`,
    );
    expect(Math.max(...gone)).toBeLessThanOrEqual(interval + allowance);
    expect(Math.max(...back)).toBeLessThanOrEqual(interval + allowance);
  });
});
