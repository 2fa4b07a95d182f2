import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AdapterHost } from '../../adapter-host.ts';
import { endpointKey } from '../../endpoint.ts';
import type { Service } from '../../service.ts';
import { Hosts } from '../hosts.ts';
import { UnderWay } from '../under-way.ts';
import { connecting, isConnecting } from './connecting.ts';
import { idleLimit } from './idle-limit.ts';
import { Listed } from './listed.ts';
import { type AgentRequest, endUnsent, type NodeAgent, type SocketTaker } from './node-agent.ts';
import type { Balanced } from './options.ts';
import { Trip, type TripSetup } from './trip.ts';

export interface BalancingSetup {
  readonly agent: NodeAgent;
  /** The methods of Node's own agent, under ours. */
  readonly base: Pick<NodeAgent, 'addRequest' | 'createSocket'>;
  readonly host: AdapterHost;
  readonly balanced: Balanced;
  readonly secure: boolean;
}

/** Where a request keeps its trip: see UnderWay on why this is no Map. */
const ofRequest = Symbol('trip');
type Travelling = ClientRequest & { [ofRequest]?: Trip };

/**
 * What makes one of Node's agents a balancing one. It says at each request which endpoint is to have it, and leaves sockets to Node,
 * which keeps them by `host:port`: of an endpoint, since that is what it is given. A new socket is handed to its request only when
 * it is connected; until then the request can go elsewhere.
 */
export class Balancing {
  readonly #setup: BalancingSetup;
  readonly #hosts: Hosts;
  readonly #listed: Listed;
  readonly #trips = new UnderWay<Trip>();
  /** The endpoint of each socket that was made for a service. */
  readonly #endpoints = new WeakMap<Duplex, string>();
  readonly #trip: TripSetup;
  #offClose: (() => void) | undefined;
  #drained: (() => void) | undefined;

  /** @throws ClosedError */
  constructor(setup: BalancingSetup) {
    const { agent, base, host, balanced, secure } = setup;
    this.#setup = setup;
    this.#hosts = new Hosts(host, balanced);
    this.#listed = new Listed((addresses) => this.#closeIdle(addresses));
    this.#trip = {
      clock: host.clock,
      balanced,
      secure,
      send: (request, options) => base.addRequest.call(agent, request, options),
      queues: (request) => Object.values(agent.requests).some((queue) => queue?.at(-1) === request),
      unqueue: (request) => this.#unqueue(request),
      left: (trip) => this.#left(trip),
    };
    this.#awaitClose();
  }

  addRequest(request: ClientRequest, options: AgentRequest): void {
    const { agent, base } = this.#setup;
    let service: Service | undefined;
    try {
      service = this.#service(options);
    } catch (error) {
      // Not thrown: a name may come from a redirect, where nobody could catch it.
      endUnsent(request, error);
      return;
    }
    if (service === undefined) base.addRequest.call(agent, request, options);
    else {
      const trip = new Trip(request, service, options, this.#trip);
      this.#trips.add(trip);
      (request as Travelling)[ofRequest] = trip;
      trip.start();
    }
  }

  #service({ host, port, socketPath }: AgentRequest): Service | undefined {
    if (socketPath) return undefined;
    const service = this.#hosts.service(host ?? '', port ?? undefined, this.#setup.secure);
    if (service === undefined) return undefined;
    this.#awaitClose();
    this.#listed.follow(service);
    return service;
  }

  createSocket(request: ClientRequest, options: AgentRequest, take: SocketTaker): void {
    const { agent, base, host, balanced, secure } = this.#setup;
    const trip = (request as Travelling)[ofRequest];
    if (trip === undefined) {
      base.createSocket.call(agent, request, options, take);
      return;
    }
    const name = agent.getName(options);
    // Then it is made for whoever is the first of the queue when it is there, and `take` finds that one.
    const queued = agent.requests[name]?.[0] === request;
    base.createSocket.call(agent, request, options, (error, socket) => {
      if (socket === undefined || error) {
        this.#unmade(queued ? name : undefined, trip, error);
        return;
      }
      this.#endpoints.set(socket, endpointKey(String(options.host), Number(options.port)));
      if (!isConnecting(socket)) {
        take(null, socket);
        return;
      }
      const limits = { clock: host.clock, limit: balanced.connectTimeout, late: () => trip.late() };
      const onTimeout = () => request.emit('timeout');
      const giveUp = connecting(socket, secure, limits, {
        connected: () => {
          socket.off('timeout', onTimeout);
          if (!queued) trip.connected();
          take(null, socket);
        },
        failed: (failure) => this.#unmade(queued ? name : undefined, trip, failure),
        closed: () => {
          if (!queued) trip.hungUp();
        },
      });
      if (queued) return;
      // What Node does once the request has the socket.
      socket.on('timeout', onTimeout);
      trip.connects(giveUp);
    });
  }

  /** Whether a socket that has done its work may wait for the next request; not for longer than the server will. */
  keeps(socket: Duplex, asNodeDoes: () => boolean): boolean {
    const endpoint = this.#endpoints.get(socket);
    if (endpoint !== undefined && !this.#listed.has(endpoint)) return false;
    const limit = idleLimit(socket);
    if ((limit !== undefined && limit <= 0) || !asNodeDoes()) return false;
    const { timeout = 0 } = this.#setup.agent.options;
    // Node looks at it only where the agent has a timeout of its own.
    if (limit !== undefined && (timeout === 0 || limit < timeout)) (socket as Socket).setTimeout(limit);
    return true;
  }

  /** What was set for its rest says nothing of its work. */
  reused(socket: Duplex): void {
    (socket as Socket).setTimeout(this.#setup.agent.options.timeout ?? 0);
  }

  /** The agent is destroyed; as Node's it can be used again. */
  destroyed(): void {
    this.#listed.clear();
    this.#offClose?.();
    this.#offClose = undefined;
  }

  #awaitClose(): void {
    this.#offClose ??= this.#setup.host.onClose(() => this.#drain());
  }

  /** By then the services are closed, so that no socket to their endpoints is kept. */
  async #drain(): Promise<void> {
    if (this.#trips.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  #left(trip: Trip): void {
    this.#trips.delete(trip);
    if (this.#trips.size === 0) this.#drained?.();
  }

  /** No socket could be made: for a request, or for the first in a queue. */
  #unmade(queue: string | undefined, trip: Trip, error: unknown): void {
    const failed = queue === undefined ? trip.request : this.#setup.agent.requests[queue]?.[0];
    // Another socket may have been free meanwhile.
    if (failed === undefined) return;
    if (queue !== undefined) this.#unqueue(failed);
    const other = (failed as Travelling)[ofRequest];
    if (other === undefined) endUnsent(failed, error);
    else other.failed(error);
  }

  #unqueue(request: ClientRequest): boolean {
    const { requests } = this.#setup.agent;
    for (const [name, queue] of Object.entries(requests)) {
      const place = queue?.indexOf(request) ?? -1;
      if (place < 0) continue;
      queue!.splice(place, 1);
      if (queue!.length === 0) delete requests[name];
      return true;
    }
    return false;
  }

  #closeIdle(addresses: ReadonlySet<string>): void {
    for (const sockets of Object.values(this.#setup.agent.freeSockets)) {
      const gone = sockets?.some((socket) => addresses.has(this.#endpoints.get(socket) ?? ''));
      if (gone) for (const socket of [...sockets!]) socket.destroy();
    }
  }
}
