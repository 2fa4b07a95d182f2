import { type Clock, sleep } from '../../clock.ts';
import type { Notices } from './notices.ts';
import type { CompleteShutdownOptions } from './register-options.ts';
import type { Registration } from './registration.ts';
import { beforeShutdown } from './shutdown.ts';

/** Ends a registration before the process ends, unless it ended before that. */
export function takeBackAtEnd(
  clock: Clock,
  registration: Registration,
  { signals, drain, grace, finish, timeout }: CompleteShutdownOptions,
  notices: Notices,
): void {
  const leave = (why: NodeJS.Signals | 'beforeExit', hurry: AbortSignal) =>
    // Who has nothing left to do has no server that anybody could still call.
    drain && why !== 'beforeExit'
      ? registration.drain({ grace, signal: hurry, timeout })
      : registration.deregister({ timeout });
  const forget = beforeShutdown({
    signals,
    end: async (why, hurry) => {
      // What fails was said by the registration.
      await leave(why, hurry).catch(() => {});
      await withinTime(clock, timeout, finish).catch((error) =>
        notices.say('LISTENER_FAILED', `finish of ${registration.name}: ${String(error)}`, error),
      );
    },
  });
  registration.subscribe((state) => {
    if (state === 'deregistered' || state === 'abandoned') forget();
  });
}

async function withinTime(clock: Clock, timeout: number, work: (() => unknown) | undefined): Promise<void> {
  const end = new AbortController();
  const late = sleep(clock, timeout, end.signal).then(() => {
    throw new Error(`not done in ${timeout} ms`);
  });
  try {
    await Promise.race([(async () => work?.())(), late]);
  } finally {
    end.abort();
    late.catch(() => {});
  }
}
