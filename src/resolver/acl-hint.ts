import type { Clock } from '../clock.ts';
import type { DnsClient } from '../dns/client.ts';

/** How long an answer to the hint holds, in ms. */
const validity = 60_000;
/** How long to wait for one, in ms: without servers in sight Consul holds this question for seconds, which says nothing about tokens. */
const patience = 500;

/**
 * Whether "there is nothing" may rather be "you may not see it": an agent whose DNS token may read nothing shows no server
 * either (`consul. NS` is empty). A weak sign, good for a message only. One question a minute at most.
 */
export class AclHint {
  readonly #client: DnsClient;
  readonly #clock: Clock;
  readonly #domain: string;
  #asked: Promise<boolean> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(client: DnsClient, clock: Clock, domain: string) {
    this.#client = client;
    this.#clock = clock;
    this.#domain = domain;
  }

  /** True where the agent shows no servers. Takes half a second at most; never rejects. */
  suspicious(): Promise<boolean> {
    const now = this.#clock.now();
    if (this.#asked === undefined || now - this.#askedAt > validity) {
      this.#askedAt = now;
      this.#asked = this.#ask();
    }
    return this.#asked;
  }

  async #ask(): Promise<boolean> {
    const limit = new AbortController();
    const timer = this.#clock.setTimeout(() => limit.abort(), patience);
    try {
      const how = { transport: 'auto', retries: 0, signal: limit.signal } as const;
      const { reply } = await this.#client.query(this.#domain, 'NS', how);
      return reply.rcode === 'NOERROR' && reply.answerCount === 0;
    } catch {
      // No answer is no hint. Whoever asked learns of failures from the question itself.
      return false;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}
