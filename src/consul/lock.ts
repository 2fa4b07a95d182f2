import { signal as aSignal, fields, number, oneOf } from '../checks.ts';
import { sleep } from '../clock.ts';
import { ClosedError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { changed, nextIndex } from './blocking.ts';
import type { ConsulHttp } from './http.ts';
import { Kv, worthAnotherTry } from './kv.ts';
import { keyInPath } from './path.ts';
import { retryDelay } from './retry-delay.ts';
import { Session } from './session.ts';

export interface LockOptions {
  /** Gives up waiting; a lock that is held stays held. */
  readonly signal?: AbortSignal;
  /** What the key shows of its holder. Default: host name and process id. */
  readonly value?: string;
  /** Milliseconds after which Consul takes it from a holder that is not heard of, 10 000…86 400 000; up to twice that. Default 15 000. */
  readonly ttl?: number;
  /** Milliseconds for which nobody gets it after it was lost that way, 0…60 000. Default 15 000. */
  readonly lockDelay?: number;
  /** What becomes of the key when the session is lost. Default `'release'`. */
  readonly behavior?: 'release' | 'delete';
}

/** A key that is held. */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  /** The session that holds it: the fencing token of those who ask Consul. */
  readonly session: string;
  /** Counts how often it was acquired: a number that only grows, for those who cannot ask Consul. */
  readonly lockIndex: number;
  /** Aborts when the lock is lost: stop what it protects. Not at a release. */
  readonly signal: AbortSignal;
  /** Gives it back at once. Idempotent. */
  release(): Promise<void>;
}

const checkLock = fields({
  signal: aSignal,
  value: (value) => String(value),
  ttl: number(10_000, 86_400_000),
  lockDelay: number(0, 60_000),
  behavior: oneOf('release', 'delete'),
});

/** Where one who asked too early is refused without a reason to wait for: Consul's lock delay cannot be watched. */
const refusedPause = 1_000;

/**
 * Waits until the key is ours, as leader election does: one holder at a time, in no order. Goes on through failures of Consul.
 *
 * The holder renews its session; one that dies loses the lock after the session's TTL, and the next gets it after the lock delay.
 *
 * @throws InvalidOptionError; ConsulError where Consul refuses; `signal.reason`; ClosedError.
 */
export function lock(http: ConsulHttp, key: string, options: LockOptions = {}): Promise<Lock> {
  return keepAliveDuring(acquired(http, key, options));
}

async function acquired(http: ConsulHttp, key: string, options: LockOptions): Promise<Lock> {
  const given = checkLock(options, 'lock') as LockOptions;
  const { signal, value = `${process.pid}`, ttl = 15_000, lockDelay = 15_000, behavior = 'release' } = given;
  const path = `/v1/kv/${keyInPath(key, 'lock')}`;
  const kv = new Kv(http);
  let session: Session | undefined;
  try {
    for (let failures = 0; ; ) {
      signal?.throwIfAborted();
      if (http.lifetime.aborted) throw new ClosedError('The Consul client was closed.');
      try {
        if (session === undefined || session.lost.aborted)
          session = await Session.create(http, { ttl, lockDelay, behavior, name: `lock ${key}` }, signal);
        const ours = await kv.put(key, value, { acquire: session.id, ...(signal && { signal }) });
        const found = await kv.get(key, { consistency: 'consistent', ...(signal && { signal }) });
        if (ours && found?.session === session.id) return held(http, path, key, session, found.lockIndex);
        if (found?.session === undefined) await sleep(http.clock, refusedPause, signal);
        else await until(http, path, session.id, signal);
        failures = 0;
      } catch (error) {
        signal?.throwIfAborted();
        http.lifetime.throwIfAborted();
        // 500 is also what Consul says of a session it has ended meanwhile.
        if (!worthAnotherTry(error)) throw error;
        await sleep(http.clock, retryDelay(failures++), signal);
      }
    }
  } catch (error) {
    await session?.end();
    throw error;
  }
}

interface Holder {
  readonly Session?: string;
}

/** Waits until the key is held by nobody, or by that session no longer. */
async function until(
  http: ConsulHttp,
  path: string,
  own: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  let index: number | undefined;
  for (;;) {
    const response = await changed<readonly Holder[] | undefined>(http, path, {
      index,
      consistency: 'default',
      accept: [404],
      signal,
    });
    const holder = response.body?.[0]?.Session;
    if (holder === undefined || holder === own) return;
    index = nextIndex(index, response.index);
  }
}

function held(http: ConsulHttp, path: string, key: string, session: Session, lockIndex: number): Lock {
  const watching = new AbortController();
  void watch(http, path, session, watching.signal);
  let releasing: Promise<void> | undefined;
  const release = () => {
    releasing ??= (async () => {
      watching.abort();
      // First the key, so that others need not wait for a lock delay.
      await new Kv(http).put(key, '', { release: session.id }).catch(() => {});
      await session.end();
    })();
    return releasing;
  };
  return {
    key,
    session: session.id,
    lockIndex,
    signal: session.lost,
    release,
    [Symbol.asyncDispose]: release,
  };
}

/** Somebody may take the key away by hand. */
async function watch(http: ConsulHttp, path: string, session: Session, signal: AbortSignal): Promise<void> {
  let index: number | undefined;
  for (let failures = 0; !signal.aborted && !session.lost.aborted && !http.lifetime.aborted; ) {
    try {
      const response = await changed<readonly Holder[] | undefined>(http, path, {
        index,
        consistency: 'default',
        accept: [404],
        signal,
        background: true,
      });
      failures = 0;
      index = nextIndex(index, response.index);
      if (response.body?.[0]?.Session !== session.id && !signal.aborted)
        session.lose('another holds the key, or nobody does');
    } catch {
      if (signal.aborted || http.lifetime.aborted) return;
      index = undefined;
      await sleep(http.clock, retryDelay(failures++), signal).catch(() => {});
    }
  }
}
