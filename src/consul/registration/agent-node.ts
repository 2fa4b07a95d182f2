import type { ConsulHttp } from '../http.ts';

interface Self {
  readonly Config?: { readonly NodeName?: string };
  readonly Member?: { readonly Addr?: string };
}

/** The agent describes itself at length: it is not asked more often than that, in ms; nor, with a reason to, than that. */
const pause = 60_000;
const shortPause = 1_000;

/** Which agent answers. Behind an address that spreads over several, registrations are left at one and looked for at another. */
export class AgentNode {
  readonly #http: ConsulHttp;
  #asked: number | undefined;
  #name: string | undefined;
  #address: string | undefined;

  constructor(http: ConsulHttp) {
    this.#http = http;
  }

  /** What the agent tells others to reach its host at; `undefined` where the token does not allow to ask. */
  async address(signal?: AbortSignal): Promise<string | undefined> {
    if (this.#address === undefined) await this.#ask(signal);
    return this.#address;
  }

  /**
   * The names before and now where another agent answers than the last time; `undefined` where it is the same, and where it was asked a
   * short while ago, unless `now`.
   *
   * Never rejects: whether Consul can be reached is others' to say.
   */
  async change({ now = false } = {}): Promise<{ readonly before: string; readonly now: string } | undefined> {
    const { clock } = this.#http;
    if (this.#asked !== undefined && clock.now() - this.#asked < (now ? shortPause : pause)) return undefined;
    const before = this.#name;
    await this.#ask().catch(() => {});
    const name = this.#name;
    return before === undefined || name === undefined || before === name ? undefined : { before, now: name };
  }

  async #ask(signal?: AbortSignal): Promise<void> {
    this.#asked = this.#http.clock.now();
    const { status, body } = await this.#http.requestInBackground<Self>('GET', '/v1/agent/self', {
      signal,
      accept: [403],
    });
    if (status === 403) return;
    this.#name = body.Config?.NodeName ?? this.#name;
    this.#address = body.Member?.Addr ?? this.#address;
  }
}
