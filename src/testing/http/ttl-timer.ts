import type { Clock, TimerHandle } from '../../clock.ts';
import type { CheckRunner } from './check-runner.ts';

export interface TtlTimer extends CheckRunner {
  /** A heartbeat came: the time begins anew. */
  reset(): void;
}

/** Calls `expired` once when no heartbeat came for `ttl` ms. */
export function ttlTimer(ttl: number, clock: Clock, expired: () => void): TtlTimer {
  let timer: TimerHandle | undefined;
  const stop = () => {
    clock.clearTimeout(timer as TimerHandle);
    timer = undefined;
  };
  const start = () => {
    stop();
    timer = clock.setTimeout(expired, ttl);
  };
  return { start, stop, reset: start };
}
