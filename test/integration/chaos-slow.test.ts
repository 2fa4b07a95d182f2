import { setTimeout as sleep } from 'node:timers/promises';
import { request, Agent as UndiciAgent } from 'undici';
import { expect, it } from 'vitest';
import type { Backend } from './chaos/backend.ts';
import { Load } from './chaos/load.ts';
import { judge, setScene } from './chaos/scene.ts';
import { type Summary, summarize } from './chaos/summary.ts';
import { describeWithConsul } from './consul-agent.ts';

const measuredFor = 5_000;
/** On a busy machine a while may pass in which nothing is quick. */
const mostWindows = 4;
/** Milliseconds. */
const quick = 4;
const hopeless = 50;

/** Requests straight to those that are well, at the same time: what this machine can do now. */
function control(backends: readonly Backend[]): Load {
  const dispatcher = new UndiciAgent();
  return new Load(100, async (n) => {
    const { id, address } = backends[n % backends.length]!;
    const { statusCode: status, body } = await request(`http://${address}/`, { dispatcher });
    await body.dump();
    return { status, instance: id };
  });
}

/** Whether it reached what it should: less than one in a hundred at the slow one, so that the 99th percentile is that of the others. */
function isReached({ p99, requests }: Summary, hits: number): boolean {
  return p99 <= quick && hits < requests / 100;
}

/**
 * The same on a machine that has no time: requests pile up at all eight, and the slow one gets some of the heap. Where even those that
 * are well take `hopeless` ms, only that it gets less than half of its share can be seen.
 */
function isAsGoodAsItGets({ p99, requests }: Summary, hits: number, usual: Summary): boolean {
  if (usual.p99 > hopeless) return hits < requests / 16;
  return usual.p99 > quick / 2 && p99 <= 3 * usual.p99 && hits < requests / 33;
}

describeWithConsul('one of eight that takes a second for each answer, under 300 requests per second', () => {
  it.each(['least-in-flight', 'peak-ewma'])(
    '%s: it is hardly asked, and p99 is that of the others: at most 4 ms where the machine has time for it',
    async (balancer) => {
      await using scene = await setScene({ delay: 0, discovery: { balancer } });
      const { agent, fleet, client } = scene;
      const warmUp = client.load();
      await sleep(2_000);
      await warmUp.stop();

      const [slow, ...others] = fleet.backends as [Backend, ...Backend[]];
      slow.behave({ delay: 1_000 });
      const found: ('reached' | 'busy' | 'missed')[] = [];
      while (found.length < mostWindows && found.at(-1) !== 'reached') {
        const before = await slow.served();
        const beside = control(others);
        const load = client.load();
        await sleep(measuredFor);
        const usual = summarize(await beside.stop());
        const summary = await judge(`${balancer}, one slow at 1 s`, agent, load);
        const hits = (await slow.served()) - before;
        expect(summary.failures).toEqual(new Map());
        if (isReached(summary, hits)) found.push('reached');
        else found.push(isAsGoodAsItGets(summary, hits, usual) ? 'busy' : 'missed');
        console.info(
          `  ${hits} reached the slow one; the others, asked straight at the same time: p99 ${usual.p99.toFixed(1)} ms (${found.at(-1)})`,
        );
      }
      expect(found).toSatisfy((all: string[]) => all.includes('reached') || all.includes('busy'));
      expect(client.web.stats().inFlight).toBe(0);
    },
  );
});
