import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFetch } from '../../src/adapter/undici.ts';
import { createDiscovery } from '../../src/index.ts';
import { bundle } from '../consul/registration/bundle.ts';
import { Child } from '../consul/registration/child.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const perSecond = 200;

/** A service as one would write it: answers after 20 to 60 ms, registers itself, and goes in good order. */
const program = (url: string) => `
  import { createConsul } from ${JSON.stringify(url)};
  import { createServer } from 'node:http';
  const server = createServer((request, response) => {
    setTimeout(() => response.end(String(process.pid)), request.url === '/health' ? 0 : 20 + 40 * Math.random());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.stdin.on('end', () => process.exit(9)).unref();
  await createConsul().register(
    { name: 'web', port: server.address().port, check: { http: '/health', interval: 1_000 } },
    { onShutdown: true },
  );
  console.log('ready', process.pid);`;

describeWithConsul('services that are replaced under load, one after the other', () => {
  let agent: Agent;
  let built: Awaited<ReturnType<typeof bundle>>;
  const running: Child[] = [];

  beforeAll(async () => {
    agent = await startAgent();
    built = await bundle();
  });
  afterAll(async () => {
    for (const child of running) child.kill('SIGKILL');
    await built.remove();
    await agent.stop();
  });

  const start = async (): Promise<Child> => {
    const child = new Child(program(built.url('consul')), { CONSUL_HTTP_ADDR: agent.httpAddress });
    running.push(child);
    await child.says('ready');
    return child;
  };
  const healthy = async () => (await agent.http<unknown[]>('GET', '/v1/health/service/web?passing')).length;

  it('answer every request, though each is told to end by SIGTERM', async () => {
    const old = await Promise.all([start(), start(), start()]);
    while ((await healthy()) < 3) await sleep(50);
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    // Half of the callers try again where it is safe, which is the default; the other half shows that nothing hides behind that.
    const fetches = [createFetch(discovery), createFetch(discovery, { retries: 0 })];
    await discovery.service('web').ready();

    const failures: unknown[] = [];
    const answeredBy = new Map<string, number>();
    const inFlight = new Set<Promise<void>>();
    const call = async (fetch: (typeof fetches)[number]) => {
      try {
        const response = await fetch('http://web.service.consul/');
        const who = await response.text();
        if (response.status !== 200) failures.push(response.status);
        answeredBy.set(who, (answeredBy.get(who) ?? 0) + 1);
      } catch (error) {
        failures.push(error);
      }
    };
    let sent = 0;
    const began = performance.now();
    // As many as are due by now, so that a busy machine makes it uneven and not less.
    const load = setInterval(() => {
      for (; sent < ((performance.now() - began) / 1_000) * perSecond; sent++) {
        const one: Promise<void> = call(fetches[sent % 2]!).finally(() => inFlight.delete(one));
        inFlight.add(one);
      }
    }, 5);

    await sleep(2_000);
    for (const one of old) {
      const next = await start();
      while ((await healthy()) < 4) await sleep(50);
      one.kill('SIGTERM');
      expect(await one.ended()).toEqual([null, 'SIGTERM']);
      expect([one.errors, next.errors]).toEqual(['', '']);
    }
    await sleep(1_000);
    clearInterval(load);
    await Promise.all(inFlight);
    console.log(
      `${sent} requests at ${perSecond}/s while three processes were ended by SIGTERM and three came (Consul ${agent.version}): ` +
        `${failures.length} failed; answered by ${[...answeredBy.values()].join(', ')}`,
    );
    expect(failures).toEqual([]);
    expect(answeredBy.size).toBe(6);
    await discovery.close();
  });
});
