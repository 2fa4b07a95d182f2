/** From the bytes of a reply to addresses: which additional records are used, and for what. */
import { afterEach, describe, expect, it } from 'vitest';
import { parseServiceName } from '../../src/dns/name.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import { ConsulSource } from '../../src/resolver/consul-source.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import type { DnsRecord } from '../../src/testing/wire.ts';
import { MemoryNetwork, seededFill } from './memory-network.ts';
import { asked, replyTo } from './messages.ts';

const sources: ConsulSource[] = [];
afterEach(() => {
  for (const source of sources.splice(0)) source.close();
});

interface Instance {
  readonly target: string;
  readonly port: number;
}

/** A server that answers SRV by `instances` and `additionals`, and A by `hosts`. */
function world(
  instances: readonly Instance[],
  additionals: readonly DnsRecord[],
  hosts: Record<string, string> = {},
) {
  const network = new MemoryNetwork();
  const questions: string[] = [];
  const answer = (question: Buffer): Buffer => {
    const { name, type } = asked(question);
    questions.push(`${type === 33 ? 'SRV' : type === 1 ? 'A' : type} ${name.toLowerCase()}`);
    if (type === 33) {
      const answers = instances.map(
        ({ target, port }): DnsRecord => ({
          name,
          ttl: 0,
          type: 'SRV',
          priority: 1,
          weight: 1,
          port,
          target,
        }),
      );
      return replyTo(question, { answers, additionals });
    }
    const address = hosts[name.toLowerCase()];
    return replyTo(question, {
      answers: type === 1 && address !== undefined ? [{ name, ttl: 0, type: 'A', address }] : [],
    });
  };
  network.onDatagram = (question, socket) => void socket.receive(answer(question));
  network.onStream = (question, stream) => stream.send(answer(question));
  const source = new ConsulSource({
    servers: [parseServerAddress('192.0.2.1:8600')],
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock: createFakeClock(),
    sockets: network,
    randomFill: seededFill(1),
    domain: 'consul',
    records: 'SRV',
    transport: 'auto',
    warn: () => {},
    lookup: async () => [],
  });
  sources.push(source);
  const resolver = source.resolver(undefined, 'any');
  const resolve = async (name = 'web') =>
    (await resolver.resolve(parseServiceName(name))).addresses
      .map(({ host, port }) => `${host}:${port}`)
      .sort();
  return { resolve, questions };
}

const a = (name: string, address: string): DnsRecord => ({ name, ttl: 0, type: 'A', address });
const node = (name: string, port: number): Instance => ({ target: `${name}.node.dc1.consul`, port });

describe('an additional record', () => {
  it('gives the address of the target it is named for, wherever it stands', async () => {
    const { resolve } = world(
      [node('n1', 1), node('n2', 2)],
      [a('n2.node.dc1.consul', '10.0.0.2'), a('N1.node.DC1.consul', '10.0.0.1')],
    );
    expect(await resolve()).toEqual(['10.0.0.1:1', '10.0.0.2:2']);
  });

  it('of a name that is no target of this answer is not used', async () => {
    const strangers = [
      'evil.node.dc1.consul',
      'web.service.consul',
      'n1.node.dc1.consul.evil',
      'node.dc1.consul',
      'n1',
    ];
    const { resolve, questions } = world(
      [node('n1', 1)],
      [...strangers.map((name) => a(name, '192.0.2.66')), a('n1.node.dc1.consul', '10.0.0.1')],
    );
    expect(await resolve()).toEqual(['10.0.0.1:1']);
    expect(new Set(questions)).toEqual(new Set(['SRV web.service.consul']));
  });

  it('of a name that is no target does not stand in for one that is missing: that one is asked for', async () => {
    const { resolve } = world([node('n1', 1)], [a('n2.node.dc1.consul', '192.0.2.66')], {
      'n1.node.dc1.consul': '10.0.0.1',
    });
    expect(await resolve()).toEqual(['10.0.0.1:1']);
  });

  it('is not kept for another answer, in which its name is a target', async () => {
    const additionals = [a('n1.node.dc1.consul', '192.0.2.66')];
    const { resolve } = world([node('n1', 1)], additionals, { 'n1.node.dc1.consul': '10.0.0.1' });
    expect(await resolve('other')).toEqual(['192.0.2.66:1']);
    additionals.length = 0;
    expect(await resolve('web')).toEqual(['10.0.0.1:1']);
  });

  it('does not change an address that the target itself spells out', async () => {
    const { resolve } = world(
      [{ target: '0a000001.addr.dc1.consul', port: 1 }],
      [a('0a000001.addr.dc1.consul', '192.0.2.66')],
    );
    expect(await resolve()).toEqual(['10.0.0.1:1']);
  });

  it('of another type is not an address', async () => {
    const { resolve } = world(
      [node('n1', 1)],
      [{ name: 'n1.node.dc1.consul', ttl: 0, type: 'TXT', text: '192.0.2.66' }],
      { 'n1.node.dc1.consul': '10.0.0.1' },
    );
    expect(await resolve()).toEqual(['10.0.0.1:1']);
  });

  it('with an alias of a target leads to addresses of this answer only, and not in circles', async () => {
    const { resolve } = world(
      [node('n1', 1), node('n2', 2)],
      [
        { name: 'n1.node.dc1.consul', ttl: 0, type: 'CNAME', target: 'host.example' },
        a('host.example', '10.0.0.1'),
        { name: 'n2.node.dc1.consul', ttl: 0, type: 'CNAME', target: 'n2.node.dc1.consul' },
      ],
      { 'n2.node.dc1.consul': '10.0.0.2' },
    );
    expect(await resolve()).toEqual(['10.0.0.1:1', '10.0.0.2:2']);
  });
});
