import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRetryBudget, RetryBudget } from '../src/retry-budget.ts';

function budgetOf(options: { share?: number; perSecond?: number; window?: number } = {}) {
  const time = { now: 0 };
  const budget = new RetryBudget({ share: 0.2, perSecond: 10, window: 10_000, ...options }, () => time.now);
  return { time, budget };
}

function withdrawAll(budget: RetryBudget): number {
  let taken = 0;
  while (taken < 100_000 && budget.withdraw()) taken++;
  return taken;
}

describe('the retry budget', () => {
  it('allows 10 a second over its window where there are no requests at all', () => {
    const { budget } = budgetOf();
    expect(budget.left).toBe(100);
    expect(withdrawAll(budget)).toBe(100);
    expect(budget.left).toBe(0);
  });

  it('allows one retry more for every five requests', () => {
    const { budget } = budgetOf({ perSecond: 0 });
    for (let i = 0; i < 4; i++) budget.deposit();
    expect(budget.withdraw()).toBe(false);
    budget.deposit();
    expect(budget.withdraw()).toBe(true);
    expect(budget.withdraw()).toBe(false);
  });

  it('forgets requests after the window', () => {
    const { budget, time } = budgetOf({ perSecond: 0 });
    for (let i = 0; i < 1_000; i++) budget.deposit();
    time.now = 8_999;
    expect(budget.left).toBe(200);
    time.now = 10_000;
    expect(budget.left).toBe(0);
  });

  it('forgives retries after the window, so that an outage does not forbid them for ever', () => {
    const { budget, time } = budgetOf();
    withdrawAll(budget);
    time.now = 9_000;
    expect(budget.left).toBe(0);
    time.now = 10_000;
    expect(budget.left).toBe(100);
  });

  it('looks at the time at every request and every retry, after a pause too', () => {
    const { budget, time } = budgetOf({ perSecond: 0 });
    for (let i = 0; i < 100; i++) budget.deposit();
    time.now = 25_000;
    expect(budget.withdraw()).toBe(false);
    time.now = 50_000;
    for (let i = 0; i < 5; i++) budget.deposit();
    expect(budget.left).toBe(1);
  });

  it('survives any leap of time', () => {
    const { budget, time } = budgetOf();
    withdrawAll(budget);
    time.now = 1e12;
    expect(budget.left).toBe(100);
  });

  it('never lets retries pass their share and the reserve in any window, whatever the order of things', () => {
    const steps = fc.array(
      fc.oneof(fc.constant('request'), fc.constant('retry'), fc.integer({ min: 1, max: 4_000 })),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(steps, (sequence) => {
        const { budget, time } = budgetOf({ perSecond: 1 });
        const requests: number[] = [];
        const retries: number[] = [];
        for (const step of sequence) {
          if (step === 'request') {
            budget.deposit();
            requests.push(time.now);
          } else if (step === 'retry') {
            if (budget.withdraw()) retries.push(time.now);
          } else time.now += step as number;
          // Tokens live for at most the window, retries are remembered for at least nine tenths of it.
          const recent = retries.filter((at) => at > time.now - 9_000).length;
          const paid = requests.filter((at) => at >= time.now - 20_000).length;
          expect(recent).toBeLessThanOrEqual(10 + paid * 0.2 + 1e-6);
        }
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('is off with false, and refuses what is no budget', () => {
    expect(checkRetryBudget(false, 'retryBudget')).toBe(false);
    expect(checkRetryBudget(true, 'retryBudget')).toEqual({ share: 0.2, perSecond: 10, window: 10_000 });
    expect(() => checkRetryBudget({ share: -1 }, 'retryBudget')).toThrow(
      /retryBudget\.share: expected a number/,
    );
    expect(() => checkRetryBudget({ percent: 1 }, 'retryBudget')).toThrow(/unknown option "percent"/);
  });
});
