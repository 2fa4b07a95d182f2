import { DnsClient } from '../src/dns/client.ts';
import { PendingQueries } from '../src/dns/pending.ts';
import { DnsError } from '../src/errors.ts';
import { createRandom, type Random } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { MemoryNetwork, seededFill } from '../test/dns/memory-network.ts';
import { answerTo, replyTo } from '../test/dns/messages.ts';
import { questionEnd } from './secrets.ts';

/**
 * Somebody off the path sends forged replies with the server's address while a question waits, and the server says nothing before he has
 * finished: simulated, since that is far faster than any network, and compared with the paper (docs/hostile-network.md).
 */
export interface Setting {
  readonly what: string;
  readonly trials: number;
  /** Forged replies for each trial. */
  readonly replies: number;
  readonly name: string;
  readonly transport: 'auto' | 'udp';
  /** He need not guess the id. */
  readonly idKnown: boolean;
  /** He learns at once where a new socket is, too. */
  readonly followsPort: boolean;
  /** Of forged answers in all trials, by the paper. */
  readonly expected: number;
}

export interface Outcome {
  readonly accepted: number;
  /** Forged replies that reached an open socket. */
  readonly delivered: number;
  readonly abandoned: number;
}

const forgedPort = 66;
const honestPort = 54_321;

export async function offPath(setting: Setting, seed: number): Promise<Outcome> {
  const { trials, replies, name, transport, followsPort } = setting;
  const random = createRandom(seed);
  const network = new MemoryNetwork();
  const dns = new DnsClient({
    servers: [{ host: '192.0.2.1', port: 8600, text: '192.0.2.1:8600', loopback: false }],
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock: createFakeClock(),
    sockets: network,
    // Not the generator of the attacker.
    randomFill: seededFill(~seed),
  });
  let left = 0;
  let delivered = 0;
  let portKnown = false;
  network.onDatagram = (question, socket) => {
    if (portKnown) {
      const forger = new Forger(question, setting.idKnown, random);
      // With the port he had found; the replies for which nobody listens any longer are sent in vain.
      for (; left > 0 && !socket.closed; left--) {
        delivered++;
        socket.receive(forger.next());
      }
      portKnown = followsPort;
    }
    socket.receive(answerTo(question, honestPort));
  };
  network.onStream = (question, stream) => stream.send(answerTo(question, honestPort));
  let accepted = 0;
  for (let trial = 0; trial < trials; trial++) {
    left = replies;
    portKnown = true;
    try {
      const { reply } = await dns.query(name, 'SRV', { transport });
      if (reply.answers.some((record) => record.type === 'SRV' && record.port === forgedPort)) accepted++;
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
    }
    network.forget();
  }
  const { abandoned } = dns.counters;
  dns.close();
  return { accepted, delivered, abandoned };
}

/** The same against the id and the spelling alone: no socket is given up, no question goes to TCP. */
export function secretsAlone({ trials, replies, name, idKnown }: Setting, seed: number): Outcome {
  const random = createRandom(seed);
  const counters = { sent: 0, sentByTcp: 0, timeouts: 0, foreign: 0, malformed: 0, abandoned: 0 };
  const context = {
    clock: createFakeClock(),
    counters,
    sockets: new MemoryNetwork(),
    randomFill: seededFill(~seed),
  };
  let accepted = 0;
  for (let trial = 0; trial < trials; trial++) {
    const pending = new PendingQueries(context, { authentic: false, onGuessing: () => {} });
    const { query, reply } = pending.add({ name, type: 'SRV', ednsSize: 1_232 }, 1_000, undefined, () => {});
    reply.catch(() => {});
    const forger = new Forger(query.bytes, idKnown, random);
    for (let i = 0; i < replies && pending.size === 1; i++) pending.receive(forger.next());
    if (pending.size === 0) accepted++;
    else pending.fail(query, new Error('the trial is over'));
  }
  return { accepted, delivered: trials * replies, abandoned: 0 };
}

/** Runs through all ids, again and again, and spells the name at random. One buffer for all: it is read before the next. */
class Forger {
  readonly #message: Buffer;
  readonly #letters: readonly number[];
  readonly #idKnown: boolean;
  readonly #random: Random;
  #id: number;

  constructor(question: Buffer, idKnown: boolean, random: Random) {
    const end = questionEnd(question);
    this.#message = replyTo(question, {
      answers: [{ name: '', ttl: 0, type: 'SRV', priority: 1, weight: 1, port: forgedPort, target: 'evil' }],
    });
    this.#letters = Array.from({ length: end - 5 - 12 }, (_, i) => 12 + i).filter((at) => {
      const byte = question[at]! | 0x20;
      return byte >= 0x61 && byte <= 0x7a;
    });
    this.#idKnown = idKnown;
    this.#random = random;
    this.#id = random.below(0x1_0000);
  }

  next(): Buffer {
    const message = this.#message;
    if (!this.#idKnown) {
      this.#id = (this.#id + 1) & 0xffff;
      message[0] = this.#id >> 8;
      message[1] = this.#id & 255;
    }
    let bits = 0;
    for (let i = 0; i < this.#letters.length; i++) {
      if (i % 24 === 0) bits = this.#random.next() >>> 8;
      const at = this.#letters[i]!;
      message[at] = (bits & 1) === 1 ? message[at]! | 0x20 : message[at]! & 0xdf;
      bits >>>= 1;
    }
    return message;
  }
}
