import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine.ts';
import { removeOurs } from './leftovers.ts';
import { createNetworks } from './networks.ts';
import { ClusterNode } from './node.ts';

const readyWithin = 60_000;

export interface Cluster {
  readonly servers: readonly ClusterNode[];
  /** Two agents that are no servers, as they run beside an application. */
  readonly agents: readonly [ClusterNode, ClusterNode];
  /** The only server of `dc2`, joined over the WAN. */
  readonly elsewhere: ClusterNode;
  leader(): Promise<ClusterNode>;
  /** All servers vote, and all agents are known. */
  untilWhole(): Promise<void>;
  close(): Promise<void>;
}

/** Consul's own defaults throughout, also for how long an election takes. */
export async function startCluster(engine: Engine, image: string): Promise<Cluster> {
  try {
    return await start(engine, image);
  } catch (error) {
    await removeOurs(engine);
    throw error;
  }
}

async function start(engine: Engine, image: string): Promise<Cluster> {
  const networks = await createNetworks(engine);
  const serverHosts = [11, 12, 13];
  const join = serverHosts.flatMap((host) => ['-retry-join', networks.address(host)]);
  const node = (name: string, host: number, flags: string[]) =>
    ClusterNode.start({ engine, image, networks, name, host, flags });
  const [first, second, elsewhere, ...servers] = await Promise.all([
    node('c1', 21, join),
    node('c2', 22, join),
    node('x1', 31, [
      ...['-server', '-bootstrap-expect', '1', '-datacenter', 'dc2'],
      ...['-retry-join-wan', networks.address(serverHosts[0]!)],
    ]),
    ...serverHosts.map((host, i) => node(`s${i + 1}`, host, ['-server', '-bootstrap-expect', '3', ...join])),
  ]);
  const agents = [first, second] as const;
  const nodes = [...agents, elsewhere, ...servers];

  const leader = async () => {
    for (const agent of agents) {
      const address = await agent.http<string>('GET', '/v1/status/leader').catch(() => '');
      const found = servers.find((server) => address === `${server.address}:8300`);
      if (found !== undefined) return found;
    }
    throw new Error('the cluster has no leader');
  };
  const isWhole = async (agent: ClusterNode) => {
    const peers = await agent.http<string[]>('GET', '/v1/status/peers');
    const known = await agent.http<unknown[]>('GET', '/v1/health/state/passing?filter=CheckID==serfHealth');
    const datacenters = await agent.http<string[]>('GET', '/v1/catalog/datacenters');
    await agent.http('GET', '/v1/catalog/nodes?dc=dc2');
    return (
      peers.length === servers.length &&
      known.length === servers.length + agents.length &&
      datacenters.length === 2
    );
  };
  const untilWhole = async () => {
    await leader().catch(() => {});
    const deadline = Date.now() + readyWithin;
    for (const agent of agents) {
      while (!(await isWhole(agent).catch(() => false))) {
        if (Date.now() > deadline) {
          const words = await Promise.all(nodes.map((each) => each.lastWords()));
          throw new Error(`the cluster was not whole within ${readyWithin} ms\n${words.join('\n')}`);
        }
        await sleep(50);
      }
    }
  };
  await untilWhole();
  return {
    servers,
    agents,
    elsewhere,
    leader,
    untilWhole,
    async close() {
      for (const each of nodes) each.disconnect();
      await removeOurs(engine);
    },
  };
}
