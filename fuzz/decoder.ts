import { decodeReply } from '../src/dns/reply.ts';
import type { Random } from '../src/random.ts';
import type { Corpus } from './corpus.ts';
import { violation } from './invariants.ts';
import { mutate } from './mutate.ts';
import { show, type Tally } from './report.ts';

/** Replies whose header and question are believed already, with anything in their bodies: a value within bounds, or undefined. */
export function fuzzDecoder(count: number, corpus: Corpus, random: Random, tally: Tally): void {
  for (let i = 0; i < count; i++) {
    const message = mutate(corpus.draw(random), random, random.below(4) === 0 ? 0 : 4, corpus);
    tally.replies++;
    try {
      const start = performance.now();
      const reply = decodeReply(message);
      const time = performance.now() - start;
      if (time > tally.slowest) tally.slowest = Math.max(tally.slowest, Math.min(time, quickest(message)));
      if (reply === undefined) continue;
      tally.decoded++;
      const wrong = violation(reply, message);
      if (wrong !== undefined) {
        tally.violations++;
        show(wrong, message);
      }
      corpus.offer(message, reply);
    } catch (error) {
      tally.exceptions++;
      show(`the decoder threw ${error}`, message);
    }
  }
}

/** Of three more times, in ms: what a busy machine adds is not the message's fault. */
function quickest(message: Buffer): number {
  const times = [1, 2, 3].map(() => {
    const start = performance.now();
    decodeReply(message);
    return performance.now() - start;
  });
  return Math.min(...times);
}
