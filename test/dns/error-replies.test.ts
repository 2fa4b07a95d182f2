import { afterEach, describe, expect, it } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import type { DnsError } from '../../src/errors.ts';
import { MemoryNetwork, memoryClient } from './memory-network.ts';
import { answerTo, asked, bareHeader, replyTo } from './messages.ts';

const clients: DnsClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function world(options: Parameters<typeof memoryClient>[1] = {}) {
  const network = new MemoryNetwork();
  const made = memoryClient(network, options);
  clients.push(made.dns);
  const failure = (how: Parameters<DnsClient['query']>[2] = {}): Promise<DnsError> =>
    made.dns.query(name, 'SRV', how).then(
      () => {
        throw new Error('was answered');
      },
      (error) => error,
    );
  return { network, failure, ...made };
}
const name = 'web.service.consul';

describe('FORMERR from a server that does not know EDNS', () => {
  const noEdns = (question: Buffer) =>
    asked(question).edns === undefined ? answerTo(question) : replyTo(question, { rcode: 'FORMERR' });

  it('asks by TCP without EDNS: by UDP Consul would cut the list to three and not say so', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => void socket.receive(noEdns(question));
    network.onStream = (question, stream) => stream.send(noEdns(question));
    const { reply, transport, limit } = await dns.query(name, 'SRV');
    expect([reply.rcode, transport, limit]).toEqual(['NOERROR', 'tcp', 65_523]);
    expect(network.streams[0]!.asked.map((question) => asked(question).edns)).toEqual([undefined]);
  });

  it('asks by UDP without EDNS where TCP is not wanted; the limit then says 512', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => void socket.receive(noEdns(question));
    const { reply, transport, limit } = await dns.query(name, 'SRV', { transport: 'udp' });
    expect([reply.rcode, transport, limit]).toEqual(['NOERROR', 'udp', 512]);
  });

  it('asks by TCP without EDNS where it came by TCP', async () => {
    const { network, dns } = world();
    network.onStream = (question, stream) => stream.send(noEdns(question));
    expect((await dns.query(name, 'SRV', { transport: 'tcp' })).reply.rcode).toBe('NOERROR');
  });

  it('is not remembered: one forged FORMERR costs one question', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { rcode: 'FORMERR' }));
    network.onStream = (question, stream) => stream.send(answerTo(question));
    expect((await dns.query(name, 'SRV')).transport).toBe('tcp');
    network.onDatagram = (question, socket) => void socket.receive(answerTo(question));
    const { transport, limit } = await dns.query(name, 'SRV');
    expect([transport, limit]).toEqual(['udp', 1_232]);
  });
});

describe('FORMERR to everything', () => {
  it('with the question: an error with the rcode, at once and not repeated', async () => {
    const { network, failure, clock } = world({ retries: 2 });
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { rcode: 'FORMERR' }));
    network.onStream = (question, stream) => stream.send(replyTo(question, { rcode: 'FORMERR' }));
    const error = await failure();
    expect([error.code, error.rcode, clock.now()]).toEqual(['ERR_DNS_RESPONSE', 'FORMERR', 1_000]);
    expect(error.attempts).toHaveLength(1);
  });

  it('without the question, as Consul sends it (F5.15): believed over TCP only', async () => {
    const { network, failure, clock } = world({ retries: 2 });
    network.onDatagram = (question, socket) => void socket.receive(bareHeader(question, 'FORMERR'));
    network.onStream = (question, stream) => stream.send(bareHeader(question, 'FORMERR'));
    const error = await failure();
    expect([error.code, error.rcode, clock.now()]).toEqual(['ERR_DNS_RESPONSE', 'FORMERR', 1_000]);
  });

  it('without the question and by UDP alone: no reply in time, with the hint', async () => {
    const { network, failure, clock } = world();
    network.onDatagram = (question, socket) => void socket.receive(bareHeader(question, 'FORMERR'));
    const work = failure({ transport: 'udp' });
    await clock.advance(1_000);
    const error = await work;
    expect([error.code, error.rcode]).toEqual(['ERR_DNS_TIMEOUT', undefined]);
    expect(error.message).toContain('only an error header that did not repeat the question');
  });

  it('goes on to the next server', async () => {
    const { network, dns } = world({ servers: ['192.0.2.1:1', '192.0.2.2:2'] });
    const answer = (question: Buffer, port: number) =>
      port === 2 ? answerTo(question) : replyTo(question, { rcode: 'FORMERR' });
    network.onDatagram = (question, socket) => void socket.receive(answer(question, socket.port));
    network.onStream = (question, stream) => stream.send(answer(question, stream.port));
    expect((await dns.query(name, 'SRV')).server.port).toBe(2);
  });
});

describe('REFUSED and NOTIMP', () => {
  it.each(['REFUSED', 'NOTIMP'] as const)('%s goes on to the next server', async (rcode) => {
    const { network, dns } = world({ servers: ['192.0.2.1:1', '192.0.2.2:2'] });
    network.onDatagram = (question, socket) =>
      void socket.receive(socket.port === 2 ? answerTo(question) : replyTo(question, { rcode }));
    expect((await dns.query(name, 'SRV')).server.port).toBe(2);
  });

  it.each(['REFUSED', 'NOTIMP'] as const)('%s from all is an error, not repeated', async (rcode) => {
    const { network, failure } = world({ servers: ['192.0.2.1:1', '192.0.2.2:2'], retries: 3 });
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { rcode }));
    const error = await failure();
    expect([error.code, error.rcode, error.attempts.length]).toEqual(['ERR_DNS_RESPONSE', rcode, 2]);
  });
});

describe('SERVFAIL', () => {
  it('that comes fast is asked again after a moment, and that is enough when a server went (F12.15)', async () => {
    const { network, dns, clock } = world({ retries: 2 });
    let failures = 2;
    network.onDatagram = (question, socket) =>
      void socket.receive(failures-- > 0 ? replyTo(question, { rcode: 'SERVFAIL' }) : answerTo(question));
    const work = dns.query(name, 'SRV');
    await clock.advance(50 + 100);
    expect((await work).reply.rcode).toBe('NOERROR');
    expect(dns.counters.sent).toBe(3);
  });

  it('that stays is an error with its rcode', async () => {
    const { network, failure, clock } = world({ retries: 2 });
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { rcode: 'SERVFAIL' }));
    const work = failure();
    await clock.advance(1_000);
    const error = await work;
    expect([error.code, error.rcode, error.attempts.length]).toEqual(['ERR_DNS_RESPONSE', 'SERVFAIL', 3]);
  });
});

describe('the rcode of an error', () => {
  it('is that of the last reply that was one, whatever else failed', async () => {
    const { network, failure, clock } = world({ servers: ['192.0.2.1:1', '192.0.2.2:2', '192.0.2.3:3'] });
    network.onDatagram = (question, socket) => {
      if (socket.port === 1) socket.receive(replyTo(question, { rcode: 'REFUSED' }));
      if (socket.port === 2) socket.receive(replyTo(question, { rcode: 'SERVFAIL' }));
    };
    const work = failure();
    await clock.advance(1_000);
    expect([(await work).code, (await work).rcode]).toEqual(['ERR_DNS_RESPONSE', 'SERVFAIL']);
  });

  it('is undefined when nobody replied', async () => {
    const { network, failure } = world();
    network.onDatagram = (_, socket) => socket.fail(Object.assign(new Error(), { code: 'ECONNREFUSED' }));
    const error = await failure();
    expect([error.code, error.rcode]).toEqual(['ERR_UNREACHABLE', undefined]);
  });
});

describe('a cut reply (TC)', () => {
  it('is still the answer where TCP brings an error', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { truncated: true }));
    network.onStream = (question, stream) => stream.send(replyTo(question, { rcode: 'SERVFAIL' }));
    const { reply, transport } = await dns.query(name, 'SRV');
    expect([reply.rcode, reply.truncated, transport]).toEqual(['NOERROR', true, 'udp']);
  });

  it('by TCP is taken as it is: there is nowhere else to ask', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => void socket.receive(replyTo(question, { truncated: true }));
    network.onStream = (question, stream) => stream.send(replyTo(question, { truncated: true }));
    expect((await dns.query(name, 'SRV')).transport).toBe('tcp');
    expect(dns.counters.sentByTcp).toBe(1);
  });
});
