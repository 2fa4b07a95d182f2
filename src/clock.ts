/**
 * CONTRACT: time, injected, so that no test sleeps.
 *
 * Every timer of this package is made here and none of them keeps the process alive; what a caller awaits does that
 * by itself (keep-alive.ts).
 */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes backwards. */
  now(): number;
  /** Calls `action` once after `delay` ms. */
  setTimeout(action: () => void, delay: number): TimerHandle;
  clearTimeout(handle: TimerHandle | undefined): void;
}

/** What `Clock.setTimeout` returns; opaque to everybody else. */
export type TimerHandle = object;

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (action, delay) => setTimeout(action, delay).unref(),
  clearTimeout: (handle) => {
    clearTimeout(handle as NodeJS.Timeout | undefined);
  },
};

/** Resolves after `delay` ms of the clock's time, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delay);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
