import type { Clock } from '../../clock.ts';
import type { Random } from '../../random.ts';
import { parseDuration } from './durations.ts';
import type { Indexes } from './indexes.ts';
import { type Read, Refusal } from './reply.ts';
import type { Question } from './request.ts';

export interface Waiting {
  /** 0: answer at once. */
  index: number;
  /** As it was written: those of events are larger than a number holds. */
  text: string;
  /** ms */
  wait: number;
}

const DEFAULT_WAIT = 300_000;
const LONGEST_WAIT = 600_000;
/** Of the wait, by which Consul spreads the answers. */
const JITTER = 1 / 16;

/** @throws Refusal 400 in Consul's words. */
export function waitingOf(question: Question): Waiting {
  const text = question.value('index');
  const wait = question.value('wait');
  const ms = wait === '' ? 0 : parseDuration(wait);
  if (ms === undefined) throw new Refusal(400, 'Invalid wait time');
  if (text !== '' && !/^\d+$/.test(text)) throw new Refusal(400, 'Invalid index');
  return { index: Number(text), text, wait: ms <= 0 ? DEFAULT_WAIT : Math.min(ms, LONGEST_WAIT) };
}

export interface BlockingOptions {
  indexes: Indexes;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
}

/** Resolves when there is news for who has seen that index, or the wait is over; at once where there already is. */
export function untilChanged(read: Read, waiting: Waiting, options: BlockingOptions): Promise<void> {
  if (waiting.index === 0) return Promise.resolve();
  const isNews = newsFor(read, waiting);
  if (isNews()) return Promise.resolve();

  const { indexes, clock, random, signal } = options;
  return new Promise((resolve) => {
    const end = () => {
      unwatch();
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const unwatch = indexes.watch(() => {
      if (isNews()) end();
    });
    const jitter = read.streams ? 0 : waiting.wait * JITTER * random.fraction();
    const timer = clock.setTimeout(end, waiting.wait + jitter);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Asked at first and after each entry of the log. */
function newsFor(read: Read, { index, text }: Waiting): () => boolean {
  if (read.isNews !== undefined) return () => read.isNews!(text);
  let above = index;
  let wasAbsent = false;
  let shown: string | undefined;
  const look = () => {
    const absent = read.absent?.() ?? false;
    const fingerprint = read.fingerprint?.();
    const same = (absent && wasAbsent) || (fingerprint !== undefined && fingerprint === shown);
    wasAbsent = absent;
    shown = fingerprint;
    return same;
  };
  let first = true;
  return () => {
    const now = read.index();
    // What it was like before is of interest only to who waits.
    if (first) {
      first = false;
      look();
      return now > above;
    }
    if (now <= above) return false;
    if (!look()) return true;
    above = now;
    return false;
  };
}
