import { parseServiceName } from '../../src/dns/name.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import type { DiscoveryWarning } from '../../src/index.ts';
import { ConsulSource, type ConsulSourceOptions } from '../../src/resolver/consul-source.ts';
import type { Family } from '../../src/resolver/host-addresses.ts';
import type { Resolution, ResolveOptions, Resolver } from '../../src/resolver/resolver.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { type DnsRecord, TYPES } from '../../src/testing/wire.ts';
import { type MemoryDatagram, MemoryNetwork, seededFill } from '../dns/memory-network.ts';
import { asked, type ReplyParts, replyTo } from '../dns/messages.ts';

/** A question as the script sees it. */
export interface Heard {
  /** Lower case. */
  readonly name: string;
  /** Letter case as sent. */
  readonly spelt: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  /** The UDP size that is advertised. */
  readonly edns: number | undefined;
  /** Of the server that is asked. */
  readonly port: number;
}

/** `undefined` is silence. A reply has the OPT of Consul, unless its `additionals` bring one or it says `opt: false`. */
export type Script = (question: Heard) => Said | undefined;
export type Said = ReplyParts & { readonly opt?: boolean };

export interface ScriptedDnsOptions
  extends Partial<
    Pick<ConsulSourceOptions, 'domain' | 'records' | 'transport' | 'retries' | 'edns' | 'lookup'>
  > {
  readonly port?: number;
  readonly family?: Family;
  /** Default: one, not on this machine, so that the UDP size is 1 232. */
  readonly servers?: readonly string[];
  /** Whether the servers listen on TCP; default true. */
  readonly tcp?: boolean;
  readonly timeout?: number;
}

export interface ScriptedDns {
  readonly clock: FakeClock;
  readonly resolver: Resolver;
  /** Another one over the same client, as another service of the same discovery has it. */
  readonly source: ConsulSource;
  readonly network: MemoryNetwork;
  readonly heard: readonly Heard[];
  readonly warnings: readonly DiscoveryWarning[];
  /** Replaces the script. */
  say(script: Script): void;
  resolve(name?: string, options?: ResolveOptions): Promise<Resolution>;
  /** `host:port` of all, sorted. */
  pairs(name?: string): Promise<readonly string[]>;
  /** The error that resolving ends with. */
  refusal(name?: string): Promise<Error & { code: string }>;
  /** `SRV udp 1232`, … of what was heard since the last call. */
  asks(): readonly string[];
}

/** A resolver over servers that answer by a function, in memory and in the time of a fake clock. */
export function scriptedDns(first: Script, options: ScriptedDnsOptions = {}): ScriptedDns {
  const clock = createFakeClock();
  const network = new MemoryNetwork();
  const warnings: DiscoveryWarning[] = [];
  const heard: Heard[] = [];
  let script = first;
  let reported = 0;
  const answer = (bytes: Buffer, transport: 'udp' | 'tcp', port: number): Buffer | undefined => {
    const { name, type, edns } = asked(bytes);
    const typeText = Object.entries(TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
    const question = { name: name.toLowerCase(), spelt: name, type: typeText, transport, edns, port };
    heard.push(question);
    const said = script(question);
    if (said === undefined) return undefined;
    const withOpt = said.opt !== false && edns !== undefined;
    const opt = { name: '', ttl: 0, type: 'OPT', udpSize: edns ?? 0 } as const;
    return replyTo(bytes, { ...said, additionals: [...(said.additionals ?? []), ...(withOpt ? [opt] : [])] });
  };
  network.onDatagram = (bytes: Buffer, socket: MemoryDatagram) => {
    const reply = answer(bytes, 'udp', socket.port);
    if (reply !== undefined) queueMicrotask(() => socket.receive(reply));
  };
  if (options.tcp !== false) {
    network.onStream = (bytes, stream) => {
      const reply = answer(bytes, 'tcp', stream.port);
      if (reply !== undefined) stream.send(reply);
    };
  }
  const { port, family = 'any', servers = ['192.0.2.1:8600'] } = options;
  const source = new ConsulSource({
    servers: servers.map((server) => parseServerAddress(server)),
    timeout: options.timeout ?? 1_000,
    retries: options.retries ?? 0,
    edns: options.edns,
    clock,
    sockets: network,
    randomFill: seededFill(1),
    domain: options.domain ?? 'consul',
    records: options.records ?? 'SRV',
    transport: options.transport ?? 'auto',
    warn: (warning) => void warnings.push(warning),
    lookup: options.lookup ?? nobodyKnows,
  });
  const resolver = source.resolver(port, family);
  const resolve = (name = 'web', asking: ResolveOptions = {}) =>
    inTime(clock, resolver.resolve(parseServiceName(name, options.domain), { background: true, ...asking }));
  return {
    clock,
    resolver,
    source,
    network,
    heard,
    warnings,
    say: (next) => {
      script = next;
    },
    resolve,
    pairs: async (name) => endpointsOf(await resolve(name)),
    refusal: (name) =>
      resolve(name).then(
        (found) => {
          throw new Error(`found ${JSON.stringify(found.addresses)}`);
        },
        (error) => error,
      ),
    asks: () => {
      const news = heard.slice(reported);
      reported = heard.length;
      return news.map(
        ({ type, transport, edns }) => `${type} ${transport}${transport === 'udp' ? ` ${edns}` : ''}`,
      );
    },
  };
}

/** Moves the clock on until `work` is settled, by no more than a minute. */
export async function inTime<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let settled = false;
  const over = () => {
    settled = true;
  };
  work.then(over, over);
  for (let step = 0; !settled && step < 1_200; step++) await clock.advance(step === 0 ? 0 : 50);
  if (!settled) throw new Error('not settled within a minute');
  return work;
}

export function endpointsOf({ addresses }: Resolution): readonly string[] {
  return addresses.map(({ host, port }) => `${host}:${port}`).sort();
}

const nobodyKnows = async () => {
  throw Object.assign(new Error('nobody knows it'), { code: 'ENOTFOUND' });
};

/** Nothing there, as Consul says it: the SOA is left out, since nobody reads it. */
export const nxdomain: Said = { rcode: 'NXDOMAIN' };
export const nodata: Said = {};

export function srv(
  target: string,
  port: number,
  rest: { weight?: number; priority?: number; ttl?: number } = {},
): DnsRecord {
  const { weight = 1, priority = 1, ttl = 0 } = rest;
  return { name: 'web.service.consul', ttl, type: 'SRV', priority, weight, port, target };
}

export function a(name: string, address: string, ttl = 0): DnsRecord {
  return { name, ttl, type: address.includes(':') ? 'AAAA' : 'A', address };
}

export function cname(name: string, target: string): DnsRecord {
  return { name, ttl: 0, type: 'CNAME', target };
}

export function txt(name: string, text = 'rack=r1'): DnsRecord {
  return { name, ttl: 0, type: 'TXT', text };
}

/** `0a010007.addr.dc1.consul` for 7, which is 10.1.0.7. */
export function hex(number: number, domain = 'dc1.consul'): string {
  return `0a01${number.toString(16).padStart(4, '0')}.addr.${domain}`;
}

/** 7 → an SRV for 10.1.0.7:8007 with its A and its node's metadata: a reply that proves itself, as far as `text` is true. */
export function listed(numbers: readonly number[], { text = true } = {}): Said {
  return {
    answers: numbers.map((number) => srv(hex(number), 8_000 + number)),
    additionals: numbers.flatMap((number) => [
      a(hex(number), `10.1.${number >> 8}.${number & 255}`),
      ...(text ? [txt(`n${number}.node.dc1.consul`)] : []),
    ]),
  };
}

/** What `listed` says, as `pairs()` shows it. */
export function instances(numbers: readonly number[]): readonly string[] {
  return numbers.map((number) => `10.1.${number >> 8}.${number & 255}:${8_000 + number}`).sort();
}

export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
