import { type Clock, systemClock } from '../clock.ts';
import { createRandom } from '../random.ts';
import { type Answer, answer, empty, RCODES } from './answers.ts';
import {
  createCatalogue,
  type NodeDefinition,
  type QueryDefinition,
  type RegisteredService,
  type ServiceDefinition,
} from './catalogue.ts';
import { type DnsFaults, type DoubleQuery, faultControl, noFaults, typeName } from './faults.ts';
import { foreign, malformed } from './forged.ts';
import { type Query, readQuery } from './query.ts';
import { reply, type Transport } from './reply.ts';
import { type Listener, type Outgoing, type ServerOptions, tcpListener, udpListener } from './servers.ts';
import type { Settings } from './settings.ts';

export interface ConsulDoubleOptions {
  /** Which Consul to be, the oldest or the newest one this was measured on; default '1.22.7'. */
  version?: '1.8.7' | '1.22.7';
  /** UDP and TCP; default 0, a free one. */
  port?: number;
  /** Default '127.0.0.1'. */
  host?: string;
  /** Default 'dc1'. */
  datacenter?: string;
  /** Default 'consul'. */
  domain?: string;
  /** Name of the own node, whose address is 127.0.0.1; default 'double'. Its length counts in every reply's size. */
  node?: string;
  /** Metadata of nodes that are given none of their own; default: what an agent of this version publishes. */
  nodeMeta?: Record<string, string>;
  /** ms, sent in whole seconds; default 0. */
  serviceTtl?: number;
  /** Whether a reply that lost answers says so (TC); default false, as in Consul. */
  enableTruncate?: boolean;
  /** Answers over plain UDP, 1…8; default 3. */
  udpAnswerLimit?: number;
  /** Answers to A, AAAA and ANY; default 0, any number. */
  aRecordLimit?: number;
  /** Whether SRV replies carry the nodes' metadata; default true. */
  metaTxt?: boolean;
  /** Makes the order of answers repeatable; default: from the system's randomness. */
  seed?: number;
  /** Time of `delay()` and of the TCP deadlines; default: the real one. */
  clock?: Clock;
}

/** The DNS side of a Consul agent in this process, on real sockets, true to the facts measured on real ones. */
export interface ConsulDouble {
  /** 'host:port', for `createDiscovery({ servers: [double.dnsAddress] })`. */
  readonly dnsAddress: string;
  readonly port: number;
  readonly dns: DnsFaults;
  /** All questions since the start or the last `clearQueries()`, in order of arrival, lost ones included. */
  readonly queries: readonly DoubleQuery[];
  clearQueries(): void;
  register(service: ServiceDefinition): RegisteredService;
  addNode(node: NodeDefinition): void;
  addQuery(query: QueryDefinition): void;
  /** Closes both ports, as an agent that goes down; the catalogue stays. */
  stop(): Promise<void>;
  /** Opens them again, on the same port. */
  start(): Promise<void>;
  /** Closes everything for good. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createConsulDouble(options: ConsulDoubleOptions = {}): Promise<ConsulDouble> {
  const { version = '1.22.7', host = '127.0.0.1', datacenter = 'dc1', node = 'double' } = options;
  const settings: Settings = {
    version,
    datacenter,
    domain: (options.domain ?? 'consul').toLowerCase(),
    serviceTtl: options.serviceTtl ?? 0,
    enableTruncate: options.enableTruncate ?? false,
    udpAnswerLimit: options.udpAnswerLimit ?? 3,
    aRecordLimit: options.aRecordLimit ?? 0,
    metaTxt: options.metaTxt ?? true,
  };
  const meta = options.nodeMeta ?? agentMetadata(version);
  const catalogue = createCatalogue({ name: node, address: '127.0.0.1', meta, datacenter });
  const world = { settings, catalogue, random: createRandom(options.seed) };
  const faults = noFaults();
  let queries: DoubleQuery[] = [];

  const findAnswer = (query: Query): Answer => {
    if (!faults.servfail && !faults.refuse) return answer(world, query);
    return faults.servfail ? empty(RCODES.SERVFAIL) : empty(RCODES.REFUSED, { authoritative: false });
  };

  const packetsFor = (request: Buffer, transport: Transport): Buffer[] => {
    const query = readQuery(request);
    if (query === undefined) return [];
    if ('refusal' in query) return [query.refusal];
    const seen = { name: query.name, type: typeName(query.type), transport, edns: query.edns };
    queries.push(seen);
    const intercepted = faults.intercept?.({ ...seen, request });
    if (intercepted !== undefined) return intercepted === 'drop' ? [] : [intercepted];
    if (transport === 'udp' && faults.lose > 0) {
      faults.lose--;
      return [];
    }
    if (faults.drop) return [];
    const packet = reply(query, findAnswer(query), settings, transport);
    if (packet === undefined) return [];
    if (transport === 'tcp') return [packet];
    return [
      ...(faults.corrupt ? malformed(query, packet) : []),
      ...(faults.foreign ? foreign(query) : []),
      packet,
    ];
  };

  const handle = (request: Buffer, transport: Transport): Outgoing => ({
    packets: packetsFor(request, transport),
    delay: faults.delay,
  });
  const serverOptions: ServerOptions = { host, clock: options.clock ?? systemClock, handle };
  const udp = udpListener(serverOptions);
  const tcp = tcpListener(serverOptions);
  const port = await openBoth(udp, tcp, options.port ?? 0);
  const stop = async () => {
    await Promise.all([udp.close(), tcp.close()]);
  };

  return {
    dnsAddress: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    port,
    get queries() {
      return queries;
    },
    clearQueries() {
      queries = [];
    },
    register: catalogue.register,
    addNode: catalogue.addNode,
    addQuery: catalogue.addQuery,
    stop,
    async start() {
      await Promise.all([udp.open(port), tcp.open(port)]);
    },
    close: stop,
    [Symbol.asyncDispose]: stop,
    dns: faultControl(faults, {
      udp: async (on) => {
        await (on ? udp.open(port) : udp.close());
      },
      tcp: async (on) => {
        await (on ? tcp.open(port) : tcp.close());
      },
    }),
  };
}

/** What an agent of this version says about its node without being told to (F12.1). */
export function agentMetadata(version: '1.8.7' | '1.22.7'): Record<string, string> {
  const segment = { 'consul-network-segment': '' };
  return version === '1.8.7' ? segment : { ...segment, 'consul-version': version };
}

/** The same number for both: what the system gives to TCP can be taken on UDP. */
async function openBoth(udp: Listener, tcp: Listener, wanted: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await tcp.open(wanted);
    try {
      await udp.open(port);
      return port;
    } catch (error) {
      await tcp.close();
      if (wanted !== 0 || attempt === 20) throw error;
    }
  }
}
