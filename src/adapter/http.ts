/**
 * Agents for node:http and node:https, and for what is built on them (axios, got, node-fetch, superagent): requests to hosts under the
 * discovery's domain go to an endpoint chosen for each of them, all others as ever.
 *
 *     const agent = new HttpAgent(discovery);
 *     http.get('http://web.service.consul/users/1', { agent }, (response) => …);
 */
import { Agent, type ClientRequest } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { hostOf } from '../adapter-host.ts';
import type { Discovery } from '../discovery.ts';
import { Balancing } from './http/balancing.ts';
import type { AgentRequest, NodeAgent, SocketTaker } from './http/node-agent.ts';
import { type HttpAgentOptions, type HttpsAgentOptions, split } from './http/options.ts';

export type { BalancingOptions, HttpAgentOptions, HttpsAgentOptions } from './http/options.ts';

const plain = Agent.prototype as unknown as NodeAgent;
const secured = TlsAgent.prototype as unknown as NodeAgent;

/**
 * For `http:`. A request fails with one 'error' event: of ours with a `code` (`ERR_NO_ENDPOINTS`, `ERR_INVALID_NAME`, …) where it
 * could not be given to an endpoint, else Node's.
 */
export class HttpAgent extends Agent {
  readonly #balancing: Balancing;

  /** @throws InvalidOptionError; ClosedError after `discovery.close()` */
  constructor(discovery: Discovery, options: HttpAgentOptions = {}) {
    const host = hostOf(discovery, 'new HttpAgent(discovery)');
    const { balanced, node } = split(options, 'HttpAgent');
    super(node);
    const agent = this as unknown as NodeAgent;
    this.#balancing = new Balancing({ agent, base: plain, host, balanced, secure: false });
  }

  /** @internal Called by Node for each request. */
  addRequest(request: ClientRequest, options: AgentRequest): void {
    this.#balancing.addRequest(request, options);
  }

  /** @internal Called by Node's own addRequest(). */
  createSocket(request: ClientRequest, options: AgentRequest, take: SocketTaker): void {
    this.#balancing.createSocket(request, options, take);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return this.#balancing.keeps(socket, () => super.keepSocketAlive(socket) as unknown as boolean);
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    this.#balancing.reused(socket);
  }

  override destroy(): void {
    this.#balancing.destroyed();
    super.destroy();
  }
}

/** For `https:`, otherwise as HttpAgent. Certificates must be valid for the service's name, unless `serverName` says otherwise. */
export class HttpsAgent extends TlsAgent {
  readonly #balancing: Balancing;

  /** @throws InvalidOptionError; ClosedError after `discovery.close()` */
  constructor(discovery: Discovery, options: HttpsAgentOptions = {}) {
    const host = hostOf(discovery, 'new HttpsAgent(discovery)');
    const { balanced, node } = split(options, 'HttpsAgent');
    super(node);
    const agent = this as unknown as NodeAgent;
    this.#balancing = new Balancing({ agent, base: secured, host, balanced, secure: true });
  }

  /** @internal Called by Node for each request. */
  addRequest(request: ClientRequest, options: AgentRequest): void {
    this.#balancing.addRequest(request, options);
  }

  /** @internal Called by Node's own addRequest(). */
  createSocket(request: ClientRequest, options: AgentRequest, take: SocketTaker): void {
    this.#balancing.createSocket(request, options, take);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return this.#balancing.keeps(socket, () => super.keepSocketAlive(socket) as unknown as boolean);
  }

  override reuseSocket(socket: Duplex, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    this.#balancing.reused(socket);
  }

  override destroy(): void {
    this.#balancing.destroyed();
    super.destroy();
  }
}
