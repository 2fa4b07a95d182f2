import { systemClock } from '../clock.ts';
import { createRandom } from '../random.ts';
import { createCatalogue } from './catalogue.ts';
import type { NodeDefinition, QueryDefinition, RegisteredService, ServiceDefinition } from './definitions.ts';
import type { ConsulDoubleOptions } from './double-options.ts';
import { faultControl } from './fault-control.ts';
import { type DnsFaults, type DoubleQuery, noFaults } from './faults.ts';
import { createHttpApi } from './http/http-api.ts';
import type { HttpFaults, HttpRequest } from './http/http-faults.ts';
import { Indexes } from './http/indexes.ts';
import { uuid } from './http/uuid.ts';
import { createResponder } from './responder.ts';
import type { Listener, ServerOptions } from './servers.ts';
import { settingsFrom } from './settings.ts';
import { tcpListener } from './tcp-listener.ts';
import { udpListener } from './udp-listener.ts';
import { agentMetadata, serverMetadata } from './versions.ts';
import { fullAccess, type World } from './world.ts';

export type { ConsulDoubleOptions } from './double-options.ts';
export { agentMetadata } from './versions.ts';

/** A Consul agent in this process: DNS and HTTP on real sockets, over one catalogue, true to the facts measured on real ones. */
export interface ConsulDouble {
  /** 'host:port', for `createDiscovery({ servers: [double.dnsAddress] })`. */
  readonly dnsAddress: string;
  readonly port: number;
  readonly dns: DnsFaults;
  /** 'http://host:port', for `createConsul({ address: double.httpAddress })`. */
  readonly httpAddress: string;
  readonly httpPort: number;
  readonly http: HttpFaults;
  /** All requests over HTTP since the start or the last `clearRequests()`, in order of arrival. */
  readonly requests: readonly HttpRequest[];
  clearRequests(): void;
  /** All questions since the start or the last `clearQueries()`, in order of arrival, lost ones included. */
  readonly queries: readonly DoubleQuery[];
  clearQueries(): void;
  register(service: ServiceDefinition): RegisteredService;
  addNode(node: NodeDefinition): void;
  addQuery(query: QueryDefinition): void;
  /** The mesh address of a service, or of a peer's: `name.virtual`, `name.virtual.<peer>.peer`; undefined takes it away. */
  setVirtualAddress(service: string, address: string | undefined, peer?: string): void;
  /** Closes all ports, as an agent that goes down, and runs no checks; the catalogue stays. */
  stop(): Promise<void>;
  /** Opens them again, on the same ports. */
  start(): Promise<void>;
  /** Closes everything for good. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createConsulDouble(options: ConsulDoubleOptions = {}): Promise<ConsulDouble> {
  const { host = '127.0.0.1', node = 'double', clock = systemClock } = options;
  const settings = settingsFrom(options);
  const { version, datacenter } = settings;
  const meta = options.nodeMeta ?? agentMetadata(version);
  const ids = createRandom(options.seed);
  const consul = { meta: serverMetadata(version) };
  const catalogue = createCatalogue(
    { name: node, address: '127.0.0.1', meta, datacenter, server: true, consul },
    new Indexes(),
    () => uuid(ids),
  );
  const random = createRandom(options.seed);
  const world: World = { settings, catalogue, random, access: fullAccess() };
  const faults = noFaults();
  let queries: DoubleQuery[] = [];

  const handle = createResponder({
    world,
    faults,
    clock,
    random: createRandom(options.seed),
    onQuery: (query) => queries.push(query),
  });
  const serverOptions: ServerOptions = { host, clock, handle };
  const udp = udpListener(serverOptions);
  const tcp = tcpListener(serverOptions);
  const port = await openBoth(udp, tcp, options.port ?? 0);
  const http = createHttpApi({
    host,
    settings,
    catalogue,
    clock,
    random: createRandom(options.seed),
    access: world.access,
    token: options.token,
  });
  const httpPort = await http.open(options.httpPort ?? 0);
  const stop = async () => {
    await Promise.all([udp.close(), tcp.close(), http.close()]);
  };
  const close = async () => {
    await Promise.all([stop(), http.end()]);
  };
  const at = host.includes(':') ? `[${host}]` : host;

  return {
    dnsAddress: `${at}:${port}`,
    port,
    httpAddress: `http://${at}:${httpPort}`,
    httpPort,
    http: http.faults,
    get requests() {
      return http.requests;
    },
    clearRequests: http.clearRequests,
    get queries() {
      return queries;
    },
    clearQueries() {
      queries = [];
    },
    register(service) {
      if (service.ports !== undefined && !settings.dialect.namedPorts) {
        throw new Error(
          `${service.name}: Consul ${version} knows one port per service, not ports; version '1.22.7' does`,
        );
      }
      return catalogue.register(service);
    },
    addNode: catalogue.addNode,
    addQuery: catalogue.addQuery,
    setVirtualAddress: catalogue.setVirtualAddress,
    stop,
    async start() {
      await Promise.all([udp.open(port), tcp.open(port), http.open(httpPort)]);
    },
    close,
    [Symbol.asyncDispose]: close,
    dns: faultControl(faults, world.access, {
      udp: async (on) => {
        await (on ? udp.open(port) : udp.close());
      },
      tcp: async (on) => {
        await (on ? tcp.open(port) : tcp.close());
      },
    }),
  };
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
