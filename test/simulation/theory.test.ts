import { describe, expect, it } from 'vitest';
import { exponential } from '../../simulation/distributions.ts';
import type { Case } from '../../simulation/scenario.ts';
import { simulate } from '../../simulation/simulate.ts';

/** Service times have a mean of 1, so that times are those of the textbooks. */
function queues(servers: number, slots: number, load: number, requests: number): Case {
  return {
    name: '',
    clients: 1,
    servers: Array.from({ length: servers }, () => ({ slots, speed: 1 })),
    work: exponential(1),
    load,
    requests,
    window: 10,
  };
}

/** The probability that one has to wait in M/M/c: Erlang's C, from his B by recursion. */
function erlangC(servers: number, load: number): number {
  const offered = servers * load;
  let b = 1;
  for (let k = 1; k <= servers; k++) b = (offered * b) / (k + offered * b);
  return b / (1 - load * (1 - b));
}

/** How far off, as a share. */
const off = (found: number, expected: number) => Math.abs(found / expected - 1);

describe('the simulator agrees with queueing theory', () => {
  it.each([0.3, 0.5, 0.7])('M/M/1 at a load of %d: mean and p99', (load) => {
    const { mean, p99 } = simulate(queues(1, 1, load, 300_000), { name: '', balancer: 'random' }, 7);
    expect(off(mean, 1 / (1 - load))).toBeLessThan(0.03);
    expect(off(p99, Math.log(100) / (1 - load))).toBeLessThan(0.05);
  });

  it.each([
    [2, 0.8],
    [8, 0.8],
    [16, 0.9],
  ])("M/M/%d at a load of %d: Erlang's C", (slots, load) => {
    const { mean } = simulate(queues(1, slots, load, 400_000), { name: '', balancer: 'random' }, 7);
    const wait = erlangC(slots, load) / (slots * (1 - load));
    expect(off(mean, 1 + wait)).toBeLessThan(0.03);
  });

  it('random choice makes each server a queue of its own', () => {
    const { mean, herding } = simulate(queues(20, 1, 0.7, 300_000), { name: '', balancer: 'random' }, 7);
    expect(off(mean, 1 / 0.3)).toBeLessThan(0.03);
    expect(off(herding, 1)).toBeLessThan(0.03);
  });

  it('round-robin over two queues is E2/M/1', () => {
    // The root of σ = A*(μ(1 - σ)) for Erlang-2 arrivals at a load of 0.7 is the share of arrivals that wait.
    let sigma = 0.5;
    for (let i = 0; i < 200; i++) sigma = (1.4 / (1.4 + 1 - sigma)) ** 2;
    const { mean } = simulate(queues(2, 1, 0.7, 300_000), { name: '', balancer: 'round-robin' }, 7);
    expect(off(mean, 1 / (1 - sigma))).toBeLessThan(0.03);
  });

  it("two choices over many servers keep close below Mitzenmacher's limit", () => {
    // The limit is for two independent draws; one by turns and one drawn is a little better.
    const load = 0.9;
    const limit = Array.from({ length: 10 }, (_, i) => load ** (2 ** (i + 1) - 2)).reduce((a, b) => a + b);
    const { mean } = simulate(
      queues(200, 1, load, 300_000),
      { name: '', balancer: 'power-of-two-choices' },
      7,
    );
    expect(mean).toBeLessThan(limit * 1.02);
    expect(mean).toBeGreaterThan(limit * 0.85);
  });

  it('the baseline comes near to one queue for all servers', () => {
    const { mean } = simulate(queues(10, 1, 0.8, 200_000), { name: '', balancer: 'omniscient' }, 7);
    const one = 1 + erlangC(10, 0.8) / (10 * 0.2);
    expect(mean).toBeGreaterThan(one * 0.98);
    expect(mean).toBeLessThan(one * 1.25);
  });
});
