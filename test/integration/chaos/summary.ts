import type { Sample } from './load.ts';

/** What a load came to. Milliseconds. */
export interface Summary {
  readonly requests: number;
  /** Anything but a 200: how often each, by its whole story. */
  readonly failures: ReadonlyMap<string, number>;
  readonly failed: number;
  /** By instance. */
  readonly served: ReadonlyMap<string, number>;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** How late the generator itself was at the 99th percentile: where it is much, the machine was too busy to say anything of latencies. */
  readonly lag: number;
}

export function summarize(samples: readonly Sample[]): Summary {
  const failures = new Map<string, number>();
  const served = new Map<string, number>();
  for (const { reply, error } of samples) {
    if (reply?.status === 200) count(served, reply.instance);
    else count(failures, reply === undefined ? story(error) : `status ${reply.status} of ${reply.instance}`);
  }
  const took = sorted(samples.map(({ sent, ended }) => ended - sent));
  return {
    requests: samples.length,
    failures,
    failed: [...failures.values()].reduce((sum, each) => sum + each, 0),
    served,
    p50: at(took, 0.5),
    p99: at(took, 0.99),
    longest: took.at(-1) ?? 0,
    lag: at(sorted(samples.map(({ due, sent }) => sent - due)), 0.99),
  };
}

/** An error with all that is underneath it: names, codes, messages without the numbers that make each one different. */
export function story(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const own = `${error.name}${code === undefined ? '' : ` ${code}`}: ${error.message.replace(/\d+/g, '#')}`;
  return error.cause === undefined || depth > 5 ? own : `${own} <- ${story(error.cause, depth + 1)}`;
}

export function inWords({ requests, failed, served, p50, p99, longest, lag }: Summary): string {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return `${requests} requests, ${failed} failed, ${served.size} instances served, p50 ${ms(p50)}, p99 ${ms(p99)}, longest ${ms(longest)} (generator late by ${ms(lag)} at p99)`;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b);
}

/** Nearest rank. */
function at(values: readonly number[], share: number): number {
  return values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? 0;
}
