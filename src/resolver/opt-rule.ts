import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { DnsAnswer } from '../dns/client.ts';

/** What was learned of a server holds for so long, in ms: another version may answer at its address one day. */
const validity = 3_600_000;

/**
 * Which servers leave the OPT out of the replies they trim, so that an OPT in a reply by UDP is a proof (rule 2 of completeness.ts).
 *
 * A server is one of them once it sent an answer without the OPT it was asked for (1.9.9, 1.10.2 and later do), and is not, for as
 * long, once a reply with an OPT lacked an instance that another reply had: older ones keep it, and several versions may
 * stand behind one address.
 */
export class OptRule {
  readonly #drops: LRUCache<string, boolean>;

  constructor(clock: Clock) {
    this.#drops = new LRUCache({
      // See cached.ts on bounds by size.
      maxSize: 1_000,
      sizeCalculation: () => 1,
      ttl: validity,
      perf: clock,
      ttlResolution: 0,
    });
  }

  /** Learns from a reply. */
  learn(answer: DnsAnswer): void {
    const { reply, server } = answer;
    if (!asked(answer) || reply.answers.length === 0 || reply.hasOpt) return;
    if (!this.#drops.has(server.text)) this.#drops.set(server.text, true);
  }

  /** The reply lacked an instance that another one to the same question had. */
  distrust(answer: DnsAnswer): void {
    if (asked(answer) && answer.reply.hasOpt) this.#drops.set(answer.server.text, false);
  }

  proves(answer: DnsAnswer): boolean {
    return asked(answer) && answer.reply.hasOpt && this.#drops.get(answer.server.text) === true;
  }
}

/** Replies by UDP to a question with an OPT of more than 512 bytes; by TCP, and below, an OPT says nothing. */
function asked({ transport, limit }: DnsAnswer): boolean {
  return transport === 'udp' && limit > 512;
}
