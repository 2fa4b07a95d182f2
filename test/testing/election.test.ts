import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../src/random.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { holdForLeader } from '../../src/testing/election.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import type { ConsulVersion } from '../../src/testing/versions.ts';
import { askUdp, read, request, tcpClient, udpClient } from './ask.ts';

let clock: FakeClock;
let double: ConsulDouble;
const start = async (version: ConsulVersion = '1.22.7') => {
  clock = createFakeClock();
  double = await createConsulDouble({ version, clock, seed: 1, nodeMeta: {} });
  double.register({ name: 'web', address: '10.1.0.1', port: 80 });
  double.dns.leader(false);
};
beforeEach(() => start());
afterEach(() => double.close());

/** ms until `answered`, looked at once a second of the clock's. */
async function secondsUntil(answered: () => boolean): Promise<number> {
  for (let seconds = 0; ; seconds++) {
    if (answered()) return seconds;
    if (seconds > 60) throw new Error('no answer within a minute');
    await clock.advance(1_000);
  }
}

async function ask(name: string, type: 'SRV' | 'A' | 'NS' | 'SOA' | 'PTR' = 'SRV') {
  const client = await udpClient(double);
  client.send(request({ name, type }));
  const seen = double.queries.length;
  while (double.queries.length === seen) await clock.advance(0);
  let reply: Buffer | undefined;
  const arrived = client.next().then((message) => {
    reply = message;
  });
  return {
    arrived,
    read: () => read(reply!),
    isHere: () => reply !== undefined,
    close: () => client[Symbol.asyncDispose](),
  };
}

describe('without a leader', () => {
  it('a question about a service is held, and fails after 7 s or more (F12.13)', async () => {
    const asked = await ask('web.service.consul');
    await clock.advance(7_000);
    expect(asked.isHere()).toBe(false);
    expect(await secondsUntil(asked.isHere)).toBeLessThanOrEqual(20);
    expect(asked.read()).toMatchObject({ rcode: 'SERVFAIL', aa: true, authorities: [] });
    await asked.close();
  });

  it('that lasts no longer than 7.5 s on 1.8.7 (F5.9)', async () => {
    await double.close();
    await start('1.8.7');
    const asked = await ask('web.service.consul');
    await clock.advance(7_000);
    expect(asked.isHere()).toBe(false);
    await clock.advance(438);
    await asked.arrived;
    expect(asked.read().rcode).toBe('SERVFAIL');
    await asked.close();
  });

  it('a question sent again overtakes the one that is held (F12.13)', async () => {
    const first = await ask('web.service.consul');
    await clock.advance(5_000);
    double.dns.leader(true);
    const second = await ask('web.service.consul', 'A');
    await second.arrived;
    expect(second.read().answers).toEqual(['web.service.consul 0 A 10.1.0.1']);
    expect(first.isHere()).toBe(false);
    await secondsUntil(first.isHere);
    expect(first.read().instances).toEqual(['10.1.0.1:80']);
    await first.close();
    await second.close();
  });

  it('over TCP what is behind the held one waits, too (F8.1)', async () => {
    await using client = await tcpClient(double);
    client.send(
      request({ name: 'web.service.consul', id: 1 }),
      request({ name: 'consul', type: 'SOA', id: 2 }),
    );
    while (double.queries.length === 0) await clock.advance(0);
    double.dns.leader(true);
    await clock.advance(60_000);
    expect((await client.next()).readUInt16BE(0)).toBe(1);
    expect((await client.next()).readUInt16BE(0)).toBe(2);
  });

  it('the servers are held back, too, and are then none; a reverse name waits twice and is then unknown (F12.14)', async () => {
    const servers = await ask('consul', 'NS');
    await secondsUntil(servers.isHere);
    expect(servers.read()).toMatchObject({ rcode: 'NOERROR', answers: [], authorities: [] });
    const reverse = await ask('1.0.1.10.in-addr.arpa', 'PTR');
    await clock.advance(14_000);
    expect(reverse.isHere()).toBe(false);
    await secondsUntil(reverse.isHere);
    expect(reverse.read().rcode).toBe('NXDOMAIN');
    await servers.close();
    await reverse.close();
  });

  it.each([
    ['0a010001.addr.consul', 'NOERROR'],
    ['web.service.dc9.consul', 'NXDOMAIN'],
    ['foo.consul', 'NXDOMAIN'],
    ['example.com', 'REFUSED'],
  ])('%s needs no server: %s at once (F12.14)', async (name, rcode) => {
    expect(await askUdp(double, { name, type: 'A' })).toMatchObject({ rcode });
  });
});

describe('the hold', () => {
  const heldFor = async (seed: number, growingPauses: boolean) => {
    const time = createFakeClock(0);
    let ended: number | undefined;
    void holdForLeader(() => false, time, createRandom(seed), growingPauses).then(() => {
      ended = time.now();
    });
    while (ended === undefined) await time.advance(60_000);
    return ended;
  };

  const median = (times: number[]) => times.sort((one, other) => one - other)[times.length >> 1]!;

  it('of 1.8.7 is over between 7.0 and 7.4 s', async () => {
    const times = await Promise.all(Array.from({ length: 60 }, (_, seed) => heldFor(seed, false)));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(7_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(7_438);
  });

  it('of 1.22.7 takes about 10 s as a rule, at times much longer', async () => {
    const times = await Promise.all(Array.from({ length: 200 }, (_, seed) => heldFor(seed, true)));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(7_000);
    // 150 questions to a real server that was never led: 9.7 s, and 17.8 s at most.
    expect(median(times)).toBeGreaterThan(9_000);
    expect(median(times)).toBeLessThan(10_600);
    expect(times.at(-1)).toBeGreaterThan(14_000);
  });
});
