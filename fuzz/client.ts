import { DnsClient } from '../src/dns/client.ts';
import { DnsError } from '../src/errors.ts';
import type { Random } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { type MemoryDatagram, MemoryNetwork, seededFill } from '../test/dns/memory-network.ts';
import { answerTo } from '../test/dns/messages.ts';
import type { Corpus } from './corpus.ts';
import { forge, replyOf } from './forge.ts';
import { violation } from './invariants.ts';
import { mutate, one } from './mutate.ts';
import { show, type Tally } from './report.ts';
import { knowsAll, questionEnd } from './secrets.ts';

const names = [
  'web.service.consul',
  'a.b',
  'v1.2.3.web.service.dc1.consul',
  '_web._tcp.service.consul',
  `${'x'.repeat(63)}.service.consul`,
  '0a000001.addr.dc1.consul',
];
const transports = ['auto', 'auto', 'udp'] as const;
/** Of the honest answers; no other reply has one like it. */
const honestPort = 54_321;

/**
 * The whole client on sockets without a network: bursts of replies by somebody who lacks a secret, now and then one that knows all and is
 * broken in its body, then the honest answer, by UDP and by TCP.
 */
export async function fuzzClient(count: number, corpus: Corpus, random: Random, tally: Tally): Promise<void> {
  const network = new MemoryNetwork();
  const dns = new DnsClient({
    servers: [{ host: '192.0.2.1', port: 8600, text: '192.0.2.1:8600', loopback: false }],
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock: createFakeClock(),
    sockets: network,
    randomFill: seededFill(random.next()),
  });
  /** Replies that carried all secrets and could be read: they may be the answer. */
  let possible = new Set<number>();

  const attack = (question: Buffer, socket: MemoryDatagram, burst: number) => {
    for (let i = 0; i < burst && !socket.closed; i++) {
      const message = forge(question, corpus, random);
      const { foreign } = dns.counters;
      try {
        socket.receive(message);
      } catch (error) {
        tally.exceptions++;
        show(`the client threw ${error}`, message, question);
      }
      tally.replies++;
      tally.hostile++;
      // Whatever is not counted as foreign was taken for a reply.
      if (dns.counters.foreign !== foreign + 1) {
        tally.accepted++;
        show('a hostile reply was taken for one of ours', message, question);
      }
    }
  };

  network.onDatagram = (question, socket) => {
    // Sometimes more than the client bears, so that it gives the socket up.
    const burst = random.below(20) === 0 ? 300 : random.below(120);
    attack(question, socket, burst);
    if (random.below(8) === 0) {
      const message = mutate(replyOf(question, corpus, random), random, questionEnd(question), corpus);
      if (knowsAll(message, question)) {
        possible.add(message.length);
        tally.replies++;
        socket.receive(message);
      }
    }
    socket.receive(answerTo(question, honestPort));
  };
  network.onStream = (question, stream) => stream.send(answerTo(question, honestPort));

  const end = tally.hostile + count;
  while (tally.hostile < end) {
    possible = new Set();
    const transport = one(transports, random);
    try {
      const { reply } = await dns.query(one(names, random), random.below(2) === 0 ? 'SRV' : 'A', {
        transport,
      });
      const isHonest = reply.answers.some((record) => record.type === 'SRV' && record.port === honestPort);
      if (isHonest) tally.decoded++;
      else if (!possible.has(reply.size)) {
        tally.accepted++;
        console.error('FAILURE: an answer that nobody who knew the question has sent', reply);
      } else {
        const wrong = violation(reply, Buffer.alloc(reply.size));
        if (wrong !== undefined) {
          tally.violations++;
          console.error('FAILURE:', wrong, reply);
        }
      }
    } catch (error) {
      // Twice more guesses than it bears, or a reply that knew all and was an error: such a question may fail.
      if (!(error instanceof DnsError)) {
        tally.exceptions++;
        console.error('FAILURE: the question ended with', error);
      }
    }
    network.forget();
  }
  dns.close();
  if (network.open !== 0) {
    tally.violations++;
    console.error(`FAILURE: ${network.open} sockets were left open`);
  }
}
