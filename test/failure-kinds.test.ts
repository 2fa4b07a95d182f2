import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import { DnsError, ServiceNotFoundError } from '../src/errors.ts';
import type { DiscoveryOptions, DiscoveryWarning, ServiceName } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import type { Resolver } from '../src/resolver/resolver.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address } from './lists.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

type Answer = string | Error;

const failures = {
  timeout: () => new DnsError('ERR_DNS_TIMEOUT', 'no reply', []),
  network: () => new DnsError('ERR_UNREACHABLE', 'connection refused', []),
  servfail: () => new DnsError('ERR_DNS_RESPONSE', 'SERVFAIL', [], { rcode: 'SERVFAIL' }),
  refused: () => new DnsError('ERR_DNS_RESPONSE', 'REFUSED', [], { rcode: 'REFUSED' }),
};
const nothing = (name: string) => new ServiceNotFoundError(`${name}: NXDOMAIN`);

/** Services by name, each with the letters of its addresses, or an error; `all` overrides them. */
function world(names: readonly string[], options: DiscoveryOptions = {}) {
  const clock = createFakeClock();
  const warnings: DiscoveryWarning[] = [];
  const answers = new Map<string, Answer>(names.map((name) => [name, 'ab']));
  const source: Resolver = {
    async resolve(name: ServiceName) {
      const { service } = name as { service: string };
      const answer = answers.get(service) ?? nothing(service);
      if (answer instanceof Error) throw answer;
      return { addresses: [...answer].map((letter) => address(letter)), ttl: 5_000, complete: true };
    },
  };
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(7) },
    {
      source,
      idle: Number.POSITIVE_INFINITY,
      ttl: { jitter: 0 },
      onWarning: (warning) => void warnings.push(warning),
      ...options,
    },
  );
  open.push(discovery);
  const services = names.map((name) => discovery.service(name));
  const ready = () => Promise.all(services.map((service) => service.ready()));
  const sizes = () => services.map((service) => service.endpoints.length);
  const turn = (names: readonly string[], answer: (name: string) => Answer) => {
    for (const name of names) answers.set(name, answer(name));
  };
  return { clock, warnings, answers, discovery, services, ready, sizes, turn };
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`);
const codes = (warnings: readonly DiscoveryWarning[]) => warnings.map(({ code }) => code);

describe('each kind of failure has its own hold', () => {
  for (const [kind, failure] of Object.entries(failures)) {
    it(`${kind}: the list is kept without end by default`, async () => {
      const { clock, turn, ready, sizes } = world(['web']);
      await ready();
      turn(['web'], failure);
      await clock.advance(3_600_000);
      expect(sizes()).toEqual([2]);
    });

    it(`hold.${kind} alone ends it for this kind, and for no other`, async () => {
      for (const [other, otherFailure] of Object.entries(failures)) {
        const { clock, turn, ready, sizes } = world(['web'], { hold: { [kind]: 60_000 } });
        await ready();
        turn(['web'], otherFailure);
        await clock.advance(58_000);
        expect(sizes()).toEqual([2]);
        await clock.advance(10_000);
        expect(sizes()).toEqual([other === kind ? 0 : 2]);
      }
    });
  }

  it('hold.error is the default of them all', async () => {
    for (const failure of [...Object.values(failures), () => new TypeError('a bug of somebody')]) {
      const { clock, turn, ready, sizes } = world(['web'], { hold: { error: 60_000 } });
      await ready();
      turn(['web'], failure);
      await clock.advance(58_000);
      expect(sizes()).toEqual([2]);
      await clock.advance(10_000);
      expect(sizes()).toEqual([0]);
    }
  });

  it('nothing found: kept for hold.empty, 30 s by default, then empty', async () => {
    const { clock, turn, ready, sizes, warnings } = world(['web']);
    await ready();
    turn(['web'], nothing);
    await clock.advance(29_000);
    expect(sizes()).toEqual([2]);
    expect(codes(warnings)).toEqual(['SERVICE_EMPTY']);
    await clock.advance(7_000);
    expect(sizes()).toEqual([0]);
  });

  it('nothing found: time in which nobody answers does not count', async () => {
    const { clock, turn, ready, sizes } = world(['web']);
    await ready();
    turn(['web'], nothing);
    await clock.advance(15_000);
    turn(['web'], failures.timeout);
    await clock.advance(120_000);
    turn(['web'], nothing);
    await clock.advance(12_000);
    expect(sizes()).toEqual([2]);
    await clock.advance(20_000);
    expect(sizes()).toEqual([0]);
  });

  it('nothing found with hold.empty: Infinity: kept for good', async () => {
    const { clock, turn, ready, sizes, warnings } = world(['web'], {
      hold: { empty: Number.POSITIVE_INFINITY },
    });
    await ready();
    turn(['web'], nothing);
    await clock.advance(3_600_000);
    expect(sizes()).toEqual([2]);
    expect(warnings[0]?.message).toContain('held until there is another');
  });

  it('the age of the list is visible, and that it is stale', async () => {
    const { clock, turn, ready, services } = world(['web']);
    await ready();
    turn(['web'], failures.timeout);
    await clock.advance(100_000);
    const { age, stale } = services[0]!.snapshot;
    expect(stale).toBe(true);
    expect(age).toBeGreaterThan(94_000);
    expect(age).toBeLessThanOrEqual(100_000);
  });

  it('questions go on at most min(refresh interval, 10 s) apart while failing', async () => {
    const { clock, turn, ready, services } = world(['web']);
    await ready();
    turn(['web'], failures.timeout);
    await clock.advance(600_000);
    const { failures: count } = services[0]!.stats();
    expect(count).toBeGreaterThan(600 / 5);
    expect(count).toBeLessThan(600 / 3);
  });
});

describe('most services of a discovery go empty within moments (an expired token, a broken agent)', () => {
  it('is an error, not an emptiness: all lists are kept, with one warning', async () => {
    const { clock, turn, ready, sizes, warnings } = world(numbered(10));
    await ready();
    turn(numbered(10), nothing);
    await clock.advance(3_600_000);
    expect(sizes()).toEqual(Array(10).fill(2));
    expect(codes(warnings).filter((code) => code === 'SERVICES_VANISHED')).toHaveLength(1);
    expect(warnings.find(({ code }) => code === 'SERVICES_VANISHED')?.message).toContain('ACL token');
  });

  it('hold.error bounds it', async () => {
    const { clock, turn, ready, sizes } = world(numbered(10), { hold: { error: 120_000 } });
    await ready();
    turn(numbered(10), nothing);
    await clock.advance(119_999);
    expect(sizes()).toEqual(Array(10).fill(2));
    await clock.advance(1);
    expect(sizes()).toEqual(Array(10).fill(0));
  });

  it('one of many alone is an emptiness', async () => {
    const { clock, turn, ready, sizes, warnings } = world(numbered(10));
    await ready();
    turn(['s3'], nothing);
    await clock.advance(40_000);
    expect(sizes()).toEqual([2, 2, 2, 0, 2, 2, 2, 2, 2, 2]);
    expect(codes(warnings)).toEqual(['SERVICE_EMPTY']);
  });

  it('four of ten at once are four emptinesses: the others show that Consul is well', async () => {
    const { clock, turn, ready, sizes, warnings } = world(numbered(10));
    await ready();
    turn(['s0', 's1', 's2', 's3'], nothing);
    await clock.advance(50_000);
    expect(sizes()).toEqual([0, 0, 0, 0, 2, 2, 2, 2, 2, 2]);
    expect(codes(warnings)).not.toContain('SERVICES_VANISHED');
  });

  it('seven of ten at once are kept, and the other three go on as ever', async () => {
    const { clock, turn, ready, sizes, answers, warnings } = world(numbered(10));
    await ready();
    turn(numbered(7), nothing);
    answers.set('s9', 'abc');
    await clock.advance(600_000);
    expect(sizes()).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
    expect(codes(warnings).filter((code) => code === 'SERVICES_VANISHED')).toHaveLength(1);
  });

  it('two services of a small program that stop together are believed', async () => {
    const { clock, turn, ready, sizes } = world(numbered(2));
    await ready();
    turn(numbered(2), nothing);
    await clock.advance(40_000);
    expect(sizes()).toEqual([0, 0]);
  });

  it('ten that stop one after the other, two minutes apart, are believed', async () => {
    const { clock, turn, ready, sizes, warnings } = world(numbered(10));
    await ready();
    for (const name of numbered(10)) {
      turn([name], nothing);
      await clock.advance(120_000);
    }
    expect(sizes()).toEqual(Array(10).fill(0));
    expect(codes(warnings)).not.toContain('SERVICES_VANISHED');
  });

  it('is over when most are back; one that stays away is then an emptiness of its own', async () => {
    const { clock, turn, ready, sizes, warnings } = world(numbered(10));
    await ready();
    turn(numbered(10), nothing);
    await clock.advance(300_000);
    turn(numbered(9), () => 'abc');
    await clock.advance(12_000);
    expect(sizes()).toEqual([...Array(9).fill(3), 2]);
    await clock.advance(40_000);
    expect(sizes()).toEqual([...Array(9).fill(3), 0]);
    turn(numbered(10), nothing);
    await clock.advance(120_000);
    expect(sizes()).toEqual([...Array(9).fill(3), 0]);
    expect(codes(warnings).filter((code) => code === 'SERVICES_VANISHED')).toHaveLength(2);
  });

  it.each(numbered(10))('is over likewise after an outage long before it, for %s', async (away) => {
    const { clock, turn, ready, sizes } = world(numbered(10));
    await ready();
    turn(numbered(10), failures.timeout);
    await clock.advance(20_000);
    turn(numbered(10), () => 'ab');
    await clock.advance(600_000);
    turn(numbered(10), nothing);
    await clock.advance(60_000);
    turn(
      numbered(10).filter((name) => name !== away),
      () => 'abc',
    );
    await clock.advance(52_000);
    expect(sizes().filter((size) => size === 0)).toHaveLength(1);
  });

  it('closing services leaves nothing behind', async () => {
    const { clock, turn, ready, services, sizes } = world(numbered(6));
    await ready();
    turn(numbered(6), nothing);
    await clock.advance(20_000);
    for (const service of services.slice(0, 5)) service.close();
    await clock.advance(60_000);
    expect(sizes().at(-1)).toBe(0);
  });
});
