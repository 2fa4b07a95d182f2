import { keepAliveDuring } from '../keep-alive.ts';
import type { ConsulHttp } from './http.ts';
import { type Lock, type LockOptions, lock } from './lock.ts';

/** What a leader does. */
export interface Leadership {
  /** Aborts when the leadership is lost, or `options.signal` aborts: end the work then, and soon. */
  readonly signal: AbortSignal;
  readonly lock: Lock;
}

/**
 * Leader election: waits for the lock, runs `work` while it is held, and waits again when it was lost. Resolves when `work` returns while it
 * still leads: that is to resign.
 *
 * What `work` rejects with after a loss is taken for a consequence of it and not looked at.
 *
 * @throws what `work` rejects with while it leads; as `lock()`; `signal.reason`, after `work` has ended.
 */
export function lead<T>(
  http: ConsulHttp,
  key: string,
  work: (leadership: Leadership) => T | Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  return keepAliveDuring(leading(http, key, work, options));
}

async function leading<T>(
  http: ConsulHttp,
  key: string,
  work: (leadership: Leadership) => T | Promise<T>,
  options: LockOptions,
): Promise<T> {
  for (;;) {
    const held = await lock(http, key, options);
    const signals = options.signal === undefined ? [held.signal] : [held.signal, options.signal];
    try {
      const result = await work({ signal: AbortSignal.any(signals), lock: held });
      if (!held.signal.aborted && options.signal?.aborted !== true) return result;
    } catch (error) {
      if (!held.signal.aborted && options.signal?.aborted !== true) throw error;
    } finally {
      await held.release();
    }
  }
}
