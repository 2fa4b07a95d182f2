import * as http from 'node:http';
import * as https from 'node:https';
import type { ConsulSettings } from './options.ts';

/**
 * How many at once. Consul refuses the 201st connection of one address (`http_max_conns_per_client`), and several programs of a machine
 * share its agent.
 */
const most = { waiting: 100, asking: 28 };
/** Milliseconds without use after which a connection is closed: whoever stands in between may forget it, and an agent be restarted. */
const idle = 15_000;

/**
 * The connections of one client. Blocking queries have their own, so that a program with many watches still renews its sessions; those that
 * are too many take turns.
 */
export class Connections {
  readonly #waiting: http.Agent;
  readonly #asking: http.Agent;
  readonly #secure: boolean;
  #said = false;

  constructor({ target, tls }: Pick<ConsulSettings, 'target' | 'tls'>) {
    this.#secure = target.secure;
    const { ca, cert, key, serverName, verify } = tls;
    const secure = {
      ...(ca !== undefined && { ca: [...ca] }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: verify,
    };
    const agent = (maxSockets: number): http.Agent => {
      const usual = { keepAlive: true, timeout: idle, maxSockets };
      return target.secure ? new https.Agent({ ...usual, ...secure }) : new http.Agent(usual);
    };
    this.#waiting = agent(most.waiting);
    this.#asking = agent(most.asking);
  }

  /** Begins a request; nothing is sent before its `end()`. */
  request(options: http.RequestOptions, blocking: boolean): http.ClientRequest {
    const agent = blocking ? this.#waiting : this.#asking;
    // In use it may be silent for as long as a blocking query takes.
    const request = (this.#secure ? https : http).request({ ...options, agent, timeout: 0 });
    if (blocking && !this.#said && Object.keys(agent.requests).length > 0) {
      this.#said = true;
      process.emitWarning(
        `More than ${most.waiting} blocking queries to Consul at once (watches, push discovery, locks): the rest take turns and learn of changes minutes late. Use DNS for some of the services, or a second client and a larger http_max_conns_per_client of the agent.`,
        { type: 'DiscoveryWarning', code: 'CONSUL_CONNECTIONS' },
      );
    }
    return request;
  }

  destroy(): void {
    this.#waiting.destroy();
    this.#asking.destroy();
  }
}
