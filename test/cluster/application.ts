import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterNode } from './node.ts';

const heartbeatEvery = 3_000;
const retryEvery = 200;
const retryFor = 30_000;

/** Instances that an agent looks after, and the heartbeats of those whose check asks for them. */
export class Application {
  readonly #beating = new Map<string, ClusterNode>();
  #stopped = false;
  readonly #timer = setInterval(() => this.#beat(), heartbeatEvery);

  /** Returns `host:port` at once: an agent that cannot tell its servers answers late, and one that is down not at all. */
  register(agent: ClusterNode, name: string, host: string, options: { heartbeats?: boolean } = {}): string {
    const check = { TTL: '15s', Status: 'passing' };
    void this.#insist(agent, '/v1/agent/service/register', {
      ...{ Name: name, ID: host, Address: host, Port: 80 },
      ...(options.heartbeats && { Check: check }),
    });
    if (options.heartbeats) this.#beating.set(host, agent);
    return `${host}:80`;
  }

  deregister(agent: ClusterNode, host: string): string {
    void this.#insist(agent, `/v1/agent/service/deregister/${host}`);
    return `${host}:80`;
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #beat(): void {
    for (const [id, agent] of this.#beating) {
      agent.http('PUT', `/v1/agent/check/pass/service:${id}`).catch(() => {});
    }
  }

  /** As an application does while its agent is down. That all was in vain shows in a change that never comes through. */
  async #insist(agent: ClusterNode, path: string, body?: unknown): Promise<void> {
    const until = performance.now() + retryFor;
    while (!this.#stopped && performance.now() < until) {
      try {
        await agent.http('PUT', path, body);
        return;
      } catch {
        await sleep(retryEvery);
      }
    }
  }
}
