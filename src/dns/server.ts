import type { ClientContext } from './context.ts';
import type { QuestionType } from './message.ts';
import type { Question } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';
import { TcpTransport } from './tcp.ts';
import { Doubt, TryFailure } from './try-failure.ts';
import { UdpTransport } from './udp.ts';

/** A reply, and how it came. */
export interface DnsAnswer {
  readonly reply: DnsReply;
  readonly server: ServerAddress;
  readonly transport: 'udp' | 'tcp';
  /** The largest reply the server could have sent this way, in bytes. */
  readonly limit: number;
}

export interface AskOptions {
  /** `auto`: UDP, then TCP where the reply was cut (TC) or where TCP is the safer way. */
  readonly transport?: 'auto' | 'udp' | 'tcp';
  /** Advertises a smaller UDP size than usual. */
  readonly edns?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Larger ones were dropped without a word by Consul up to 1.13 when the reply came near 64 KiB. */
const loopbackEdns = 65_000;
/** Fits any path without fragments (DNS flag day 2020). */
const remoteEdns = 1_232;
/** Where Consul cuts a TCP reply. */
const tcpLimit = 65_523;

/** True where the server answered the question; any other rcode is a failure to do so. */
export function isAnswer({ rcode }: DnsReply): boolean {
  return rcode === 'NOERROR' || rcode === 'NXDOMAIN';
}

/** One server, and which of its two ways a question takes: one try. */
export class Server {
  readonly address: ServerAddress;
  readonly #udp: UdpTransport;
  readonly #tcp: TcpTransport;
  readonly #timeout: number;
  readonly #usualEdns: number;
  #closed = false;

  /**
   * @param timeout of each way, in ms.
   * @param edns UDP size to advertise.
   */
  constructor(address: ServerAddress, context: ClientContext, timeout: number, edns: number | undefined) {
    this.address = address;
    this.#udp = new UdpTransport(address, context);
    this.#tcp = new TcpTransport(address, context);
    this.#timeout = timeout;
    this.#usualEdns = edns ?? (address.loopback ? loopbackEdns : remoteEdns);
  }

  /** The server's reply, whatever it says. @throws TryFailure; the signal's reason on abort. */
  async ask(name: string, type: QuestionType, options: AskOptions): Promise<DnsAnswer> {
    const { transport = 'auto', edns, signal } = options;
    const ednsSize = edns === undefined ? this.#usualEdns : Math.min(edns, this.#usualEdns);
    const question: Question = { name, type, ednsSize };
    const answer =
      transport === 'tcp'
        ? await this.#byTcp(question, signal)
        : await this.#byUdp(question, transport === 'auto', signal);
    const { rcode, truncated } = answer.reply;
    if (rcode === 'FORMERR') return await this.#withoutEdns(question, answer, transport, signal);
    if (transport !== 'auto' || !truncated || answer.transport === 'tcp') return answer;
    // A cut list of what is there beats none, where only UDP is let through.
    const whole = await orFailure(this.#byTcp(question, signal));
    return whole instanceof TryFailure || !isAnswer(whole.reply) ? answer : whole;
  }

  close(): void {
    this.#closed = true;
    this.#udp.close();
    this.#tcp.close();
  }

  async #byTcp(question: Question, signal: AbortSignal | undefined): Promise<DnsAnswer> {
    const reply = await this.#tcp.ask(question, this.#timeout, signal);
    return { reply, server: this.address, transport: 'tcp', limit: tcpLimit };
  }

  async #byUdp(question: Question, mayUseTcp: boolean, signal: AbortSignal | undefined): Promise<DnsAnswer> {
    try {
      return this.#cameByUdp(question, await this.#udp.ask(question, this.#timeout, signal));
    } catch (error) {
      if (this.#closed) throw error;
      if (error instanceof Doubt) return await this.#confirm(error, question, mayUseTcp, signal);
      if (!(error instanceof TryFailure) || error.kind === 'timeout') throw error;
      if (!mayUseTcp) {
        if (error.kind === 'unreachable') throw error;
        return await this.#byUdpAgain(question, signal);
      }
      // A container's port is easily published for TCP alone; the kernel says so at once. And a guesser cannot reach TCP.
      const second = await orFailure(this.#byTcp(question, signal));
      if (!(second instanceof TryFailure)) return second;
      if (this.#closed) throw error;
      if (error.kind === 'guessed') return await this.#byUdpAgain(question, signal);
      throw new TryFailure(error.kind, `${error.message} (by TCP too: ${second.message})`);
    }
  }

  /**
   * Something that carried the question's id was not its answer. What comes by UDP now is believed only if there is no better way: TCP,
   * or another socket where TCP is not wanted.
   */
  async #confirm(
    doubt: Doubt,
    question: Question,
    mayUseTcp: boolean,
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer> {
    const better = mayUseTcp ? this.#byTcp(question, signal) : this.#byUdpAgain(question, signal);
    const answer = await orFailure(better);
    if (answer instanceof TryFailure) return this.#cameByUdp(question, await doubt.wait);
    doubt.leave();
    return answer;
  }

  /** The second and last time by UDP: another socket, another id, another spelling. */
  async #byUdpAgain(question: Question, signal: AbortSignal | undefined): Promise<DnsAnswer> {
    try {
      return this.#cameByUdp(question, await this.#udp.ask(question, this.#timeout, signal));
    } catch (error) {
      if (error instanceof Doubt) return this.#cameByUdp(question, await error.wait);
      throw error;
    }
  }

  /**
   * FORMERR: no Consul says that to a question of ours, but a forwarder that does not know EDNS may. Without EDNS Consul cuts a UDP
   * reply to three answers and does not say so, hence TCP. Not remembered: who forged one such reply should not profit for long.
   */
  async #withoutEdns(
    { name, type }: Question,
    rejected: DnsAnswer,
    transport: 'auto' | 'udp' | 'tcp',
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer> {
    const plain = { name, type, ednsSize: undefined };
    const again = transport === 'udp' ? this.#byUdpAgain(plain, signal) : this.#byTcp(plain, signal);
    const answer = await orFailure(again);
    return answer instanceof TryFailure ? rejected : answer;
  }

  #cameByUdp({ ednsSize = 512 }: Question, reply: DnsReply): DnsAnswer {
    return { reply, server: this.address, transport: 'udp', limit: Math.max(512, ednsSize) };
  }
}

/** The failure as a value; what is no TryFailure (an abort) is thrown. */
async function orFailure<T>(work: Promise<T>): Promise<T | TryFailure> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof TryFailure) return error;
    throw error;
  }
}
