/** Everything that can go wrong, mixed: whatever comes of a question, it comes, and nothing is left behind. */
import { getEventListeners } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { createRandom, type Random } from '../../src/random.ts';
import {
  type MemoryDatagram,
  MemoryNetwork,
  type MemoryStream,
  memoryClient,
  seededFill,
} from './memory-network.ts';
import { answerTo, asked, bareHeader, forgery, replyTo, respelt } from './messages.ts';

const lookup = vi.hoisted(() => vi.fn());
vi.mock('node:dns/promises', async (original) => ({ ...(await original<object>()), lookup }));
afterEach(() => void lookup.mockReset());

const broken = (code: string) => Object.assign(new Error(code), { code });
const name = (random: Random) => `${'abcdefgh'[random.below(8)]}${random.below(100)}.service.consul`;

/** What servers, middleboxes and forgers do with a question by UDP. */
const byUdp: ((question: Buffer, socket: MemoryDatagram, random: Random) => void)[] = [
  (question, socket) => void socket.receive(answerTo(question)),
  () => {},
  (question, socket) => void socket.receive(replyTo(question, { truncated: true })),
  (question, socket) => void socket.receive(replyTo(question, { rcode: 'SERVFAIL' })),
  (question, socket) => void socket.receive(replyTo(question, { rcode: 'REFUSED' })),
  (question, socket) => void socket.receive(replyTo(question, { rcode: 'FORMERR' })),
  (question, socket) => void socket.receive(bareHeader(question, 'NOTIMP')),
  (question, socket) => void socket.receive(answerTo(question).subarray(0, 60)),
  (question, socket) => void socket.receive(forgery(question, { name: respelt(asked(question).name) })),
  (question, socket) => {
    for (let i = 0; i < 3; i++) socket.receive(answerTo(question));
  },
  (question, socket, random) => {
    const { id } = asked(question);
    for (let i = random.below(300); i > 0; i--) socket.receive(forgery(question, { id: (id + i) & 0xffff }));
    socket.receive(answerTo(question));
  },
  (_question, socket) => socket.fail(broken('ECONNREFUSED')),
  (_question, socket) => queueMicrotask(() => socket.fail(broken('ENETDOWN'))),
];

const byTcp: ((question: Buffer, stream: MemoryStream, random: Random) => void)[] = [
  (question, stream) => stream.send(answerTo(question), answerTo(question)),
  () => {},
  (question, stream) => stream.send(replyTo(question, { truncated: true })),
  (question, stream) => stream.send(replyTo(question, { rcode: 'SERVFAIL' })),
  (question, stream) => stream.send(bareHeader(question, 'FORMERR')),
  (question, stream) => stream.send(forgery(question, { name: 'other.service.consul' })),
  (question, stream) => stream.receive(Buffer.concat([Buffer.from([9, 0]), answerTo(question)])),
  (question, stream) => {
    const { id } = asked(question);
    for (let i = 1; i < 300; i++) stream.send(forgery(question, { id: (id + i) & 0xffff }));
  },
  (_question, stream) => stream.end(),
];

async function run(seed: number): Promise<void> {
  const random = createRandom(seed);
  const any = <T>(list: readonly T[]) => list[random.below(list.length)]!;
  const network = new MemoryNetwork();
  const servers = ['192.0.2.1:1', '[2001:db8::2]:2', 'consul.example:3'].slice(random.below(3));
  const { dns, clock } = memoryClient(network, {
    servers,
    retries: random.below(3),
    randomFill: seededFill(seed),
  });
  const later = (action: () => void) => {
    if (random.below(2) === 0) action();
    else clock.setTimeout(action, random.below(2_500));
  };
  const manners = { udp: byUdp, tcp: byTcp };
  const usual = [any(byUdp), byUdp[0]!];
  network.onDatagram = (question, socket) => {
    const manner = random.below(2) === 0 ? any(usual) : any(manners.udp);
    later(() => socket.closed || manner(question, socket, random));
  };
  network.onStream = (question, stream) => {
    const manner = any(manners.tcp);
    later(() => stream.closed || manner(question, stream, random));
  };
  lookup.mockImplementation(
    () =>
      new Promise((resolve, reject) => {
        const addresses = [
          { address: '2001:db8::3', family: 6 },
          { address: '192.0.2.3', family: 4 },
        ];
        later(() => (random.below(3) === 0 ? reject(broken('ENOTFOUND')) : resolve(addresses)));
      }),
  );

  const signals: AbortSignal[] = [];
  let asked = 0;
  let settled = 0;
  const ask = () => {
    const controller = random.below(2) === 0 ? new AbortController() : undefined;
    if (controller !== undefined) {
      signals.push(controller.signal);
      if (random.below(2) === 0)
        clock.setTimeout(() => controller.abort(broken('LEFT')), random.below(3_000));
    }
    asked++;
    const transport = any(['auto', 'auto', 'udp', 'tcp'] as const);
    const type = any(['SRV', 'A'] as const);
    void dns.query(name(random), type, { transport, signal: controller?.signal }).then(
      () => settled++,
      (error) => {
        expect(error.code).toMatch(/^(ERR_(DNS_TIMEOUT|DNS_RESPONSE|UNREACHABLE|CLOSED)|LEFT)$/);
        settled++;
      },
    );
  };
  for (let burst = 0; burst < 6; burst++) {
    for (let i = random.below(150); i > 0; i--) ask();
    await clock.advance(random.below(1_500));
  }
  const isClosedInTheMiddle = random.below(2) === 0;
  if (isClosedInTheMiddle) {
    dns.close();
    await clock.advance(0);
    expect(settled).toBe(asked);
  }
  await clock.advance(60_000);
  expect(settled).toBe(asked);
  // One UDP socket for each server may stay; idle connections are gone.
  expect(network.streams.filter(({ closed }) => !closed).length).toBe(0);
  expect(network.open).toBeLessThanOrEqual(isClosedInTheMiddle ? 0 : servers.length);
  expect(clock.pending).toBe(0);
  expect(signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0)).toBe(0);

  // And it works as before.
  if (!isClosedInTheMiddle) {
    network.onDatagram = (question, socket) => void socket.receive(answerTo(question));
    lookup.mockImplementation(async () => [{ address: '192.0.2.3', family: 4 }]);
    const work = Array.from({ length: 300 }, () => dns.query(name(random), 'SRV', { transport: 'udp' }));
    await clock.advance(0);
    expect((await Promise.all(work)).length).toBe(300);
  }
  dns.close();
  await clock.advance(0);
  expect([clock.pending, network.open]).toEqual([0, 0]);
}

const runs = Number(process.env['DISORDER_RUNS'] ?? 30);
it.each(Array.from({ length: runs }, (_, i) => i + 1))('seed %i: every question is settled', run);
