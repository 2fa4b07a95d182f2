import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Fastest } from '../src/balancer/fastest.ts';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type { DiscoveryOptions } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, context, letterOf, lists } from './lists.ts';
import { hex, instances, listed, nxdomain, scriptedDns, srv, upTo } from './resolver/scripted-dns.ts';
import { notFound, type ScriptedSource, scriptedSource } from './scripted-source.ts';

/**
 * The mistakes of others, from docs/traps.md, that no other file shows us not to make.
 */

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function world(source: ScriptedSource = scriptedSource(), options: DiscoveryOptions = {}) {
  const clock = createFakeClock();
  const all: DiscoveryOptions = { source, ttl: { jitter: 0 }, onWarning: () => {}, ...options };
  const discovery = createDiscoveryIn({ clock, random: createRandom(1) }, all);
  open.push(discovery);
  return { clock, source, discovery };
}

const code = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return 'fine';
};

describe('lists that Consul cuts', () => {
  it('a random part of a list is no membership: nobody leaves in 200 refreshes, and whoever is gone does (T2)', async () => {
    const random = createRandom(4);
    let living = upTo(40);
    // 19 of 40 each time, and no sign of it; TCP is closed.
    const part = () => {
      const rest = [...living];
      return Array.from({ length: 19 }, () => rest.splice(random.below(rest.length), 1)[0]!);
    };
    const dns = scriptedDns(() => listed(part(), { text: false }), { tcp: false });
    const discovery = createDiscoveryIn(
      { clock: dns.clock, random: createRandom(1) },
      { source: dns.resolver, idle: Number.POSITIVE_INFINITY, onWarning: () => {} },
    );
    open.push(discovery);
    const web = discovery.service('web');
    await web.ready();
    const removed: string[] = [];
    web.subscribe((_, change) => removed.push(...change.removed.map(({ address }) => address)));
    for (let round = 0; round < 200; round++) await dns.clock.advance(5_000);
    expect([removed, web.endpoints.length, web.stats().refreshes > 150]).toEqual([[], 40, true]);
    living = living.slice(1);
    for (let round = 0; round < 40; round++) await dns.clock.advance(5_000);
    expect(removed).toEqual(instances([1]));
  });
});

describe('priorities', () => {
  it('mean the same in a first answer and in later ones (T6)', async () => {
    const mixed = [
      address('a', { priority: 2 }),
      address('b', { priority: 1 }),
      address('c', { priority: 2 }),
    ];
    const { clock, source, discovery } = world(scriptedSource({ addresses: mixed }), { balancer: 'first' });
    const web = discovery.service('web');
    await web.ready();
    const chosen = () => letterOf(web.pick().host);
    expect([chosen(), web.endpoints.length]).toEqual(['b', 3]);
    source.answer = { addresses: [...mixed].reverse() };
    await clock.advance(60_000);
    expect([chosen(), web.endpoints.length]).toEqual(['b', 3]);
  });
});

describe('timers', () => {
  it('are one per service, not one per endpoint (T10)', async () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ ...address('a'), port: i + 1 }));
    const { clock, discovery } = world(scriptedSource({ addresses: many }));
    await discovery.service('web').ready();
    const one = clock.pending;
    await discovery.service('api').ready();
    expect(clock.pending - one).toBeLessThanOrEqual(1);
    expect(one).toBeLessThanOrEqual(2);
  });

  it('are gone after close(), whatever the services were doing (T34)', async () => {
    const { clock, source, discovery } = world(scriptedSource(), {
      balancer: { name: 'fastest', probe: async () => 1 },
    });
    await discovery.service('web').ready();
    source.answer = notFound();
    const waiting = discovery.service('api').ready({ timeout: 60_000 });
    waiting.catch(() => {});
    await clock.advance(12_000);
    source.hold();
    void discovery
      .service('slow')
      .ready()
      .catch(() => {});
    await discovery.close();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('a change of the list', () => {
  it('is there for all at once: listeners, picks and the snapshot agree, also inside a listener (T11)', async () => {
    const { clock, source, discovery } = world(scriptedSource('abc'));
    const web = discovery.service('web');
    await web.ready();
    const seen: string[] = [];
    web.subscribe(({ endpoints }) => {
      const picked = new Set(Array.from({ length: 20 }, () => web.pick()));
      const agree = endpoints === web.endpoints && [...picked].every((one) => endpoints.includes(one));
      seen.push(`${endpoints.map(({ host }) => letterOf(host)).join('')} ${agree} ${picked.size}`);
    });
    source.answer = 'cde';
    await clock.advance(60_000);
    expect(seen).toEqual(['cde true 3']);
  });
});

describe('an empty list', () => {
  it('is a typed error of every strategy, never an endpoint that is undefined (T16)', async () => {
    for (const balancer of ['first', 'round-robin', 'least-used', 'fastest']) {
      const { clock, source, discovery } = world(scriptedSource('a'), { balancer, hold: { empty: 0 } });
      const web = discovery.service('web');
      expect(code(() => web.pick())).toBe('ERR_NO_ENDPOINTS');
      await web.ready();
      source.answer = notFound();
      await clock.advance(60_000);
      expect([balancer, code(() => web.pick())]).toEqual([balancer, 'ERR_NO_ENDPOINTS']);
    }
  });

  it('does not make picks ask: neither while Consul is down nor while there is nothing (T26)', async () => {
    for (const answer of [notFound(), new Error('down')]) {
      const { clock, source, discovery } = world(scriptedSource(answer));
      const web = discovery.service('web');
      await web.ready().catch(() => {});
      const asked = source.asked.length;
      for (let i = 0; i < 1_000; i++) code(() => web.pick());
      await clock.advance(0);
      expect(source.asked.length).toBe(asked);
    }
  });
});

describe('an endpoint', () => {
  it('is an address with its port: two ports on one address have counters of their own (T17)', async () => {
    const two = [1, 2].map((port) => ({ ...address('a'), port }));
    const { discovery } = world(scriptedSource({ addresses: two }), { balancer: 'least-used' });
    const web = discovery.service('web');
    await web.ready();
    for (let i = 0; i < 10; i++) web.pick();
    expect(web.endpoints.map(({ port, picks }) => [port, picks])).toEqual([
      [1, 5],
      [2, 5],
    ]);
  });

  it('has a latency of its own, not one per host, and is not taken for the best on one quick sample (T36)', async () => {
    const environment = context();
    const times = new Map([
      [1, 9],
      [2, 3],
      [3, 3.2],
    ]);
    const probe = async ({ port }: { port: number }) => times.get(port)!;
    const balancer = new Fastest(environment, { probe, interval: 1_000 });
    const { endpoints, ...rest } = lists()([1, 2, 3].map((port) => ({ ...address('a'), port })));
    balancer.update({ endpoints, ...rest });
    await environment.clock.advance(5_000);
    expect(endpoints.map(({ latency }) => latency)).toEqual([9, 3, 3.2]);
    const picked = new Set(Array.from({ length: 20 }, () => balancer.pick()?.port));
    expect([...picked].sort()).toEqual([2, 3]);
    balancer.close();
  });
});

describe('questions', () => {
  it('are not asked for requests: a thousand picks cost none (T20)', async () => {
    const { clock, source, discovery } = world();
    const web = discovery.service('web');
    await web.ready();
    for (let i = 0; i < 1_000; i++) web.pick();
    await clock.advance(0);
    expect(source.asked).toHaveLength(1);
  });

  it('that fail do not fall back to the bare name (T20)', async () => {
    const dns = scriptedDns(() => nxdomain, { lookup: async () => ['192.0.2.66'] });
    expect((await dns.refusal('web')).code).toBe('ERR_SERVICE_NOT_FOUND');
  });

  it('stay what they were: a list by SRV is asked for by SRV, whatever was asked for before (T31)', async () => {
    const dns = scriptedDns(({ type }) => (type === 'SRV' ? listed([1, 2]) : { answers: [] }), { port: 80 });
    for (const name of ['n1.node.consul', 'web', 'n1.node.consul', 'web'])
      await dns.resolve(name).catch(() => {});
    expect(await dns.pairs('web')).toEqual(instances([1, 2]));
    expect(dns.heard.filter(({ name, type }) => name === 'web.service.consul' && type !== 'SRV')).toEqual([]);
  });
});

describe('services', () => {
  it('take turns each for itself (T21)', async () => {
    const { discovery } = world(scriptedSource('ab'));
    const [web, api] = [discovery.service('web'), discovery.service('api')];
    await Promise.all([web.ready(), api.ready()]);
    const order: string[] = [];
    for (let i = 0; i < 6; i++) {
      order.push(letterOf(web.pick().host));
      api.pick();
    }
    expect(['ababab', 'bababa']).toContain(order.join(''));
  });
});

describe('errors', () => {
  it('say the most that is known, and all that was tried (T37)', async () => {
    const dns = scriptedDns(({ port }) => (port === 2 ? { rcode: 'SERVFAIL' } : undefined), {
      servers: ['192.0.2.1:1', '192.0.2.2:2', '192.0.2.3:3'],
    });
    const { code, message } = await dns.refusal();
    expect(code).toBe('ERR_DNS_RESPONSE');
    for (const words of [
      '192.0.2.1:1 by udp no reply',
      '192.0.2.2:2 by udp SERVFAIL',
      '192.0.2.3:3 by udp no reply',
    ]) {
      expect(message).toContain(words);
    }
  });

  it('name the instances that could not be used (T37)', async () => {
    const dns = scriptedDns(() => ({ answers: [srv(hex(1), 0)] }));
    expect((await dns.refusal()).message).toContain(`${hex(1)}:0`);
  });
});

describe('docs/traps.md', () => {
  const root = new URL('../', import.meta.url);
  const page = readFileSync(new URL('docs/traps.md', root), 'utf8');
  const rows = [...page.matchAll(/^\| (T\d+) \|(.+)\|$/gm)].map(([, trap, row]) => ({
    trap: trap!,
    row: row!,
    tests: [...row!.matchAll(/\[`([^`]+)`\]\(\.\.\/([^)]+)\) “([^”]+)”/g)].map(([, shown, file, title]) => ({
      shown: shown!,
      file: file!,
      title: title!,
    })),
  }));

  it('names each of T1 to T38, in order', () => {
    expect(rows.map(({ trap }) => trap)).toEqual(Array.from({ length: 38 }, (_, i) => `T${i + 1}`));
  });

  it.each(rows)('$trap names a test or says what it waits for', ({ row, tests }) => {
    expect(tests.length > 0 || /\*\*not yet\*\*: \w+/.test(row)).toBe(true);
  });

  it.each(rows.flatMap(({ trap, tests }) => tests.map((test) => ({ trap, ...test }))))(
    '$trap: $file has “$title”',
    ({ shown, file, title }) => {
      expect(shown).toBe(file);
      const url = new URL(file, root);
      expect(existsSync(url)).toBe(true);
      const source = readFileSync(url, 'utf8');
      const quotes = ["'", '"', '`'].map((quote) => `${quote}${title}${quote},`);
      expect(quotes.some((literal) => source.includes(literal))).toBe(true);
    },
  );
});
