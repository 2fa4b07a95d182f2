import { afterEach, describe, expect, it } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import { ServerOrder } from '../../src/dns/server-order.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { MemoryNetwork, memoryClient } from './memory-network.ts';
import { answerTo, replyTo } from './messages.ts';

const second = 1_000;

describe('the order of servers', () => {
  const made = () => {
    const clock = createFakeClock();
    return { clock, servers: new ServerOrder(['a', 'b', 'c'], clock) };
  };

  it('is that of preference as long as the first one answers', () => {
    const { servers } = made();
    servers.answered('a');
    expect(servers.order).toEqual(['a', 'b', 'c']);
    expect(servers.toTry()).toBe(undefined);
  });

  it('has those that failed at its end, none left out, in their order', () => {
    const { servers } = made();
    servers.answered('b', ['a']);
    expect(servers.order).toEqual(['b', 'c', 'a']);
    servers.answered('c', ['b']);
    expect(servers.order).toEqual(['c', 'a', 'b']);
  });

  it('changes when one that failed answers where the others do not', () => {
    const { servers } = made();
    servers.answered('b', ['a']);
    servers.answered('a', ['b', 'c']);
    expect(servers.order).toEqual(['a', 'b', 'c']);
    servers.answered('b', ['a']);
    expect(servers.order).toEqual(['b', 'a', 'c']);
  });

  it('gives a failed one a try after 1 s, then after pauses that double up to 30 s', async () => {
    const { clock, servers } = made();
    servers.answered('b', ['a']);
    const tries: number[] = [];
    for (let now = 0; now < 150; now++) {
      const server = servers.toTry();
      if (server !== undefined) {
        tries.push(now);
        servers.tried(server, false);
      }
      await clock.advance(second);
    }
    expect(tries).toEqual([1, 3, 7, 15, 31, 61, 91, 121]);
    expect(servers.order).toEqual(['b', 'c', 'a']);
  });

  it('lets one question at a time try a failed one', async () => {
    const { clock, servers } = made();
    servers.answered('c', ['a', 'b']);
    await clock.advance(second);
    expect([servers.toTry(), servers.toTry(), servers.toTry()]).toEqual(['a', 'b', undefined]);
  });

  it('returns to preference when the tried one answers', async () => {
    const { clock, servers } = made();
    servers.answered('b', ['a']);
    await clock.advance(second);
    servers.tried(servers.toTry()!, true);
    expect(servers.order).toEqual(['a', 'b', 'c']);
  });

  it('trusts one that fails again soon for shorter, and one that was well for long as before', async () => {
    const { clock, servers } = made();
    const pause = async () => {
      servers.answered('b', ['a']);
      let waited = 0;
      for (; servers.toTry() === undefined; waited += 500) await clock.advance(500);
      servers.tried('a', true);
      return waited;
    };
    expect([await pause(), await pause(), await pause()]).toEqual([1_000, 2_000, 4_000]);
    await clock.advance(30 * second);
    expect(await pause()).toBe(1_000);
  });
});

const clients: DnsClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

type Manner = 'answers' | 'is silent' | 'fails' | 'refuses';

/** Three servers, on ports 1, 2 and 3, each with its manners. */
function world(options: Parameters<typeof memoryClient>[1] = {}) {
  const network = new MemoryNetwork();
  const manners = new Map<number, Manner>();
  const seen: number[] = [];
  network.onDatagram = (question, socket) => {
    seen.push(socket.port);
    const manner = manners.get(socket.port) ?? 'answers';
    if (manner === 'answers') socket.receive(answerTo(question));
    else if (manner === 'fails') socket.receive(replyTo(question, { rcode: 'SERVFAIL' }));
    else if (manner === 'refuses') socket.receive(replyTo(question, { rcode: 'REFUSED' }));
  };
  const servers = ['192.0.2.1:1', '192.0.2.2:2', '192.0.2.3:3'];
  const { dns, clock } = memoryClient(network, { servers, ...options });
  clients.push(dns);
  /** Asks, moving time on as far as it needs; resolves with the time it took and the servers that saw it. */
  const ask = async (limit = 5 * second): Promise<[took: number, servers: number[]]> => {
    const from = seen.length;
    const start = clock.now();
    let took: number | undefined;
    const work = dns.query('web.service.consul', 'SRV').finally(() => {
      took = clock.now() - start;
    });
    work.catch(() => {});
    for (let waited = 0; took === undefined && waited <= limit; waited += 50) {
      await clock.advance(waited === 0 ? 0 : 50);
    }
    await work;
    await clock.advance(0);
    return [took!, seen.slice(from)];
  };
  return { network, dns, clock, manners, ask };
}

describe('of several servers', () => {
  it('a dead first one costs its timeout once, not at every question', async () => {
    const { manners, ask, clock } = world();
    manners.set(1, 'is silent');
    expect(await ask()).toEqual([1_000, [1, 2]]);
    for (let i = 0; i < 5; i++) expect(await ask()).toEqual([0, [2]]);
    // Its tries go beside real questions, which do not wait for them.
    let tries = 0;
    for (let i = 0; i < 60; i++) {
      await clock.advance(2 * second);
      const [took, asked] = await ask();
      expect([took, asked[0]]).toEqual([0, 2]);
      tries += asked.length - 1;
    }
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(10);
  });

  it('the first one is preferred again when it answers a try', async () => {
    const { manners, ask, clock } = world();
    manners.set(1, 'is silent');
    await ask();
    manners.set(1, 'answers');
    await clock.advance(second);
    expect(await ask()).toEqual([0, [2, 1]]);
    expect(await ask()).toEqual([0, [1]]);
  });

  it('one that says SERVFAIL is asked last for a while; one that refuses a name is not', async () => {
    const { manners, ask } = world();
    manners.set(1, 'refuses').set(2, 'fails');
    expect(await ask()).toEqual([0, [1, 2, 3]]);
    expect(await ask()).toEqual([0, [1, 3]]);
  });

  it('none is blamed for a question that nobody answers', async () => {
    const { manners, ask } = world();
    for (const server of [1, 2, 3]) manners.set(server, 'fails');
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_DNS_RESPONSE', rcode: 'SERVFAIL' });
    for (const server of [1, 2, 3]) manners.set(server, 'answers');
    expect(await ask()).toEqual([0, [1]]);
  });

  it('any one that answers is enough, whichever it is and whatever went before', async () => {
    const { manners, ask } = world();
    for (const one of [1, 2, 3, 1, 3, 2]) {
      for (const server of [1, 2, 3]) manners.set(server, server === one ? 'answers' : 'is silent');
      const [, asked] = await ask();
      expect(asked).toContain(one);
    }
  });

  it('a try that is under way does not outlive the client', async () => {
    const { manners, ask, clock, dns, network } = world();
    manners.set(1, 'is silent');
    await ask();
    await clock.advance(second);
    expect(await ask()).toEqual([0, [2, 1]]);
    expect(clock.pending).toBe(1);
    dns.close();
    expect([clock.pending, network.open]).toEqual([0, 0]);
  });

  it('a caller that leaves does not take the try with it', async () => {
    const { manners, ask, clock, dns, network } = world();
    manners.set(1, 'is silent');
    await ask();
    await clock.advance(second);
    const leaver = new AbortController();
    await dns.query('web.service.consul', 'SRV', { signal: leaver.signal });
    leaver.abort();
    const tried = network.datagrams.findLast(({ port }) => port === 1)!;
    tried.receive(answerTo(tried.asked.at(-1)!));
    manners.set(1, 'answers');
    await clock.advance(0);
    expect(await ask()).toEqual([0, [1]]);
  });
});
