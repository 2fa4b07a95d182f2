import type { Clock, TimerHandle } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { Status } from '../definitions.ts';
import { type CheckDefinition, kindOf } from './check-definition.ts';
import { connectProbe, type Finding, httpProbe } from './check-probes.ts';

export interface CheckRunner {
  start(): void;
  stop(): void;
}

export interface CheckRun {
  definition: CheckDefinition;
  clock: Clock;
  random: Random;
  report(status: Status, output: string): void;
}

/** Asks again and again, the first time at a random moment within the interval, as Consul spreads its checks. */
export function checkRunner({ definition, clock, random, report }: CheckRun): CheckRunner {
  const { Interval = 0 } = definition;
  const judge = thresholds(definition, report);
  let timer: TimerHandle | undefined;
  let running: AbortController | undefined;

  const probe = (signal: AbortSignal): Promise<Finding> => {
    switch (kindOf(definition)) {
      case 'http':
        return httpProbe(definition, clock, signal);
      case 'tcp':
        return connectProbe(definition.TCP!, `TCP connect ${definition.TCP}`, definition, clock, signal);
      default:
        // Not the health protocol: whether the port is open.
        return connectProbe(
          definition.GRPC!.replace(/\/.*$/, ''),
          `gRPC check ${definition.GRPC}`,
          definition,
          clock,
          signal,
        );
    }
  };
  const run = async (mine: AbortController) => {
    const { status, output } = await probe(mine.signal);
    if (mine.signal.aborted) return;
    judge(status, output);
    if (!mine.signal.aborted) next(Interval, mine);
  };
  const next = (delay: number, mine: AbortController) => {
    timer = clock.setTimeout(() => void run(mine), delay);
  };
  return {
    start: () => {
      running = new AbortController();
      next(random.fraction() * Interval, running);
    },
    stop: () => {
      running?.abort();
      clock.clearTimeout(timer as TimerHandle);
    },
  };
}

/** How many findings of a kind it takes before the check says so. */
function thresholds(
  definition: CheckDefinition,
  report: (status: Status, output: string) => void,
): (status: Status, output: string) => void {
  const { SuccessBeforePassing = 0, FailuresBeforeCritical = 0 } = definition;
  const { FailuresBeforeWarning = FailuresBeforeCritical } = definition;
  let successes = 0;
  let failures = 0;
  return (status, output) => {
    if (status !== 'critical') {
      failures = 0;
      if (++successes >= SuccessBeforePassing) report(status, output);
      return;
    }
    successes = 0;
    failures++;
    if (failures >= FailuresBeforeCritical) report('critical', output);
    else if (failures >= FailuresBeforeWarning) report('warning', output);
  };
}
