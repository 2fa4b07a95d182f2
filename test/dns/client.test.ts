import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DnsClient, type DnsClientOptions } from '../../src/dns/client.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import type { DnsError } from '../../src/errors.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';

let double: ConsulDouble;
let clock: FakeClock;
let clients: DnsClient[];

beforeEach(async () => {
  double = await createConsulDouble({ seed: 1 });
  clock = createFakeClock();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await double.close();
});

function client(
  options: Partial<Omit<DnsClientOptions, 'servers'>> & { servers?: string[] } = {},
): DnsClient {
  const servers = (options.servers ?? [double.dnsAddress]).map((server) => parseServerAddress(server));
  const made = new DnsClient({ timeout: 1_000, retries: 2, edns: undefined, clock, ...options, servers });
  clients.push(made);
  return made;
}

const register = (count: number, name = 'web') => {
  for (let i = 1; i <= count; i++)
    double.register({ name, address: `10.1.${i >> 8}.${i & 255}`, port: 8_000 + i });
};
const question = 'web.service.consul';

/** Waits, on the real event loop, until the double has seen so many questions. */
async function asked(count: number): Promise<void> {
  while (double.queries.length < count) await new Promise((resolve) => setImmediate(resolve));
}

const failure = (work: Promise<unknown>): Promise<DnsError> =>
  work.then(
    () => {
      throw new Error('was answered');
    },
    (error) => error,
  );

describe('asking', () => {
  it('asks by UDP, with EDNS, with the letters of the name in random case', async () => {
    register(8);
    const dns = client();
    const spellings = new Set<string>();
    for (let i = 0; i < 12; i++) {
      const { reply, transport, limit } = await dns.query(question, 'SRV');
      expect([reply.answers.length, transport, limit]).toEqual([8, 'udp', 65_000]);
    }
    for (const { name, edns } of double.queries) {
      spellings.add(name);
      expect([name.toLowerCase(), edns]).toEqual([question, 65_000]);
    }
    expect(spellings.size).toBeGreaterThan(8);
  });

  it('takes replies of nearly 64 KiB', async () => {
    register(350);
    const { reply } = await client().query(question, 'SRV');
    expect(reply.answers).toHaveLength(350);
    expect(reply.size).toBeGreaterThan(45_000);
  });

  it('has many questions in flight on one socket, and gives each its own answer', async () => {
    for (let i = 0; i < 300; i++) double.register({ name: `s${i}`, address: '10.0.0.1', port: 1_000 + i });
    const dns = client();
    const ports = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const { reply } = await dns.query(`s${i}.service.consul`, 'SRV');
        return reply.answers.map((record) => (record.type === 'SRV' ? record.port : 0));
      }),
    );
    expect(ports).toEqual(Array.from({ length: 300 }, (_, i) => [1_000 + i]));
    expect(dns.counters.sent).toBe(300);
  });

  it('goes to TCP where the reply says it was cut (TC), and takes what TCP gives', async () => {
    await double.close();
    double = await createConsulDouble({ enableTruncate: true });
    register(30);
    const { reply, transport } = await client({ edns: 512 }).query(question, 'SRV');
    expect([reply.answers.length, transport]).toEqual([30, 'tcp']);
  });

  it('takes the cut reply where TCP is closed', async () => {
    await double.close();
    double = await createConsulDouble({ enableTruncate: true });
    register(30);
    await double.dns.tcp(false);
    const { reply, transport } = await client({ edns: 512 }).query(question, 'SRV');
    expect([reply.answers.length, transport, reply.truncated]).toEqual([3, 'udp', true]);
  });

  it('goes to TCP where the UDP port is refused, as with a container that publishes only TCP', async () => {
    register(2);
    await double.dns.udp(false);
    expect((await client().query(question, 'SRV')).transport).toBe('tcp');
  });
});

describe('what does not answer the question is ignored and counted', () => {
  it('replies with another id, question or letter case', async () => {
    register(3);
    double.dns.foreign(true);
    const dns = client();
    const { reply } = await dns.query(question, 'SRV');
    expect(reply.answers).toHaveLength(3);
    expect(dns.counters.foreign).toBeGreaterThan(2);
  });

  it('malformed packets', async () => {
    register(3);
    double.dns.corrupt(true);
    const dns = client();
    const { reply } = await dns.query(question, 'SRV');
    expect(reply.answers).toHaveLength(3);
    expect(dns.counters.malformed + dns.counters.foreign).toBeGreaterThan(0);
  });
});

describe('when an answer does not come', () => {
  it('sends the question again after the timeout', async () => {
    register(2);
    double.dns.loseNext(1);
    const work = client().query(question, 'SRV');
    await asked(1);
    await clock.advance(1_100);
    expect((await work).reply.answers).toHaveLength(2);
    expect(double.queries).toHaveLength(2);
  });

  it('gives up after the last try, and names them all', async () => {
    double.dns.drop(true);
    const dns = client({ retries: 2 });
    const work = failure(dns.query(question, 'SRV'));
    for (let tries = 1; tries <= 3; tries++) {
      await asked(tries);
      await clock.advance(1_500);
    }
    const error = await work;
    expect(error.code).toBe('ERR_DNS_TIMEOUT');
    expect(error.attempts.map(({ outcome }) => outcome)).toEqual(Array(3).fill('no reply in 1000 ms'));
    expect(error.message).toContain(double.dnsAddress);
    expect(dns.counters).toMatchObject({ sent: 3, timeouts: 3 });
  });

  it('hears of a dead agent at once: no timeout is waited for', async () => {
    await double.stop();
    const before = clock.now();
    const error = await failure(client({ retries: 0 }).query(question, 'SRV'));
    expect(error.code).toBe('ERR_UNREACHABLE');
    expect(error.message).toContain('connection refused');
    expect(clock.now()).toBe(before);
  });

  it('finds the agent again when it is back', async () => {
    register(1);
    const dns = client({ retries: 0 });
    await dns.query(question, 'SRV');
    await double.stop();
    await failure(dns.query(question, 'SRV'));
    await double.start();
    expect((await dns.query(question, 'SRV')).reply.answers).toHaveLength(1);
  });

  it('retries a SERVFAIL, which Consul sends for a moment when a server goes (F12.15)', async () => {
    register(1);
    double.dns.servfail(true);
    const work = client().query(question, 'SRV');
    await asked(1);
    double.dns.servfail(false);
    await clock.advance(100);
    expect((await work).reply.answers).toHaveLength(1);
  });

  it('does not repeat a REFUSED', async () => {
    double.dns.refuse(true);
    const error = await failure(client().query(question, 'SRV'));
    expect([error.code, error.attempts.map(({ outcome }) => outcome)]).toEqual([
      'ERR_DNS_RESPONSE',
      ['REFUSED'],
    ]);
  });

  it('takes NXDOMAIN for an answer', async () => {
    expect((await client().query('nope.service.consul', 'SRV')).reply.rcode).toBe('NXDOMAIN');
  });
});

describe('several servers', () => {
  it('are asked in their order, the next one when one is dead', async () => {
    register(1);
    const other = await createConsulDouble();
    await other.stop();
    const dns = client({ servers: [other.dnsAddress, double.dnsAddress], retries: 0 });
    const { server } = await dns.query(question, 'SRV');
    expect(server.text).toBe(double.dnsAddress);
    await other.start();
    other.register({ name: 'web', port: 1 });
    // The preferred one gets its place back when it has answered a try beside a question.
    await clock.advance(1_000);
    expect((await dns.query(question, 'SRV')).server.text).toBe(double.dnsAddress);
    while (other.queries.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(0);
    expect((await dns.query(question, 'SRV')).server.text).toBe(other.dnsAddress);
    await other.close();
  });

  it('one that fails does not fail the lookup', async () => {
    register(1);
    const other = await createConsulDouble();
    other.dns.servfail(true);
    const dns = client({ servers: [other.dnsAddress, double.dnsAddress], retries: 0 });
    expect((await dns.query(question, 'SRV')).reply.answers).toHaveLength(1);
    await other.close();
  });
});

describe('TCP', () => {
  it('answers more questions than a connection may carry, one after the other and all at once (F8.2)', async () => {
    register(2);
    const dns = client();
    for (let i = 0; i < 300; i++) {
      expect((await dns.query(question, 'SRV', { transport: 'tcp' })).reply.answers).toHaveLength(2);
    }
    const all = await Promise.all(
      Array.from({ length: 500 }, () => dns.query(question, 'SRV', { transport: 'tcp' })),
    );
    expect(all.every(({ reply }) => reply.answers.length === 2)).toBe(true);
    expect(dns.counters).toMatchObject({ sentByTcp: 800, timeouts: 0 });
  });

  it('takes a 64 KiB reply in pieces', async () => {
    register(900);
    const { reply } = await client().query(question, 'SRV', { transport: 'tcp' });
    expect(reply.answers).toHaveLength(900);
  });

  it('asks again on a new connection when a kept one was closed by the server', async () => {
    register(1);
    const dns = client({ retries: 0 });
    await dns.query(question, 'SRV', { transport: 'tcp' });
    await double.stop();
    await double.start();
    expect((await dns.query(question, 'SRV', { transport: 'tcp' })).reply.answers).toHaveLength(1);
  });

  it('closes idle connections before Consul does (F8.3)', async () => {
    register(1);
    const dns = client();
    await dns.query(question, 'SRV', { transport: 'tcp' });
    expect(clock.pending).toBe(1);
    await clock.advance(5_000);
    expect(clock.pending).toBe(0);
    expect((await dns.query(question, 'SRV', { transport: 'tcp' })).reply.answers).toHaveLength(1);
  });
});

describe('a caller that leaves', () => {
  it("gets its signal's reason, before, during and between tries", async () => {
    const reason = new Error('enough');
    const dns = client();
    expect(await failure(dns.query(question, 'SRV', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    double.dns.drop(true);
    const during = new AbortController();
    const work = failure(dns.query(question, 'SRV', { signal: during.signal }));
    await asked(1);
    during.abort(reason);
    expect(await work).toBe(reason);
    double.dns.drop(false);
    double.dns.servfail(true);
    const between = new AbortController();
    const other = failure(dns.query(question, 'SRV', { signal: between.signal }));
    await asked(2);
    await clock.advance(0);
    between.abort(reason);
    expect(await other).toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('is told when the client is closed meanwhile or was before', async () => {
    double.dns.drop(true);
    const dns = client();
    const work = failure(dns.query(question, 'SRV'));
    await asked(1);
    dns.close();
    expect((await work).code).toBe('ERR_CLOSED');
    expect((await failure(dns.query(question, 'SRV'))).code).toBe('ERR_CLOSED');
    expect(clock.pending).toBe(0);
  });
});
