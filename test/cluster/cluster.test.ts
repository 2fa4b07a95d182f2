import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery, type Discovery, type DiscoveryWarning } from '../../src/index.ts';
import { Application } from './application.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { describeWithCluster } from './describe-with-cluster.ts';
import type { ClusterNode } from './node.ts';
import { plainLookup } from './plain-lookup.ts';
import { Scene } from './scene.ts';
import { type View, Watch } from './watch.ts';

const instancesOfWeb = 10;

/**
 * What service handles show while a Consul cluster goes through its bad days. In every scene, of every handle: nothing empty
 * is handed out (unless Consul says for all of `hold.empty` that there is nothing), nothing leaves that Consul did not leave
 * out, what is deregistered leaves for good, and each change comes through within 7 s of Consul's own answer. All options are
 * the defaults, Consul's too.
 */
describeWithCluster('a service handle on a Consul cluster', (makeReady) => {
  let cluster: Cluster;
  let c1: ClusterNode;
  let c2: ClusterNode;
  let application: Application;
  let discoveries: Discovery[];
  let watch: Watch;
  const warnings: DiscoveryWarning[] = [];
  let hosts = 0;

  const nextHost = () => `10.20.0.${++hosts}`;
  /** Registered beforehand, so that every scene has one to take away. */
  const spare = new Map<ClusterNode, string[]>();

  beforeAll(async () => {
    const steps = [performance.now()];
    const { engine, image } = await makeReady();
    steps.push(performance.now());
    cluster = await startCluster(engine, image);
    steps.push(performance.now());
    [c1, c2] = cluster.agents;
    application = new Application();
    for (const agent of cluster.agents) {
      for (let i = 0; i < 2; i++) application.register(agent, 'web', nextHost());
      spare.set(
        agent,
        [1, 2, 3].map(() => nextHost()),
      );
      for (const host of spare.get(agent)!) application.register(agent, 'web', host);
    }
    application.register(c1, 'solo', nextHost());
    application.register(c1, 'beating', nextHost(), { heartbeats: true });
    application.register(cluster.elsewhere, 'far', nextHost());

    for (const { dnsPort } of cluster.agents) {
      while ((await plainLookup(dnsPort, 'web.service.consul'))?.size !== instancesOfWeb) await sleep(50);
    }

    const discover = (...agents: ClusterNode[]) =>
      createDiscovery({
        servers: agents.map(({ dnsAddress }) => dnsAddress),
        onWarning: (warning) => warnings.push(warning),
      });
    const asking = [[c1], [c2], [c1, c2]].map((agents) => ({ agents, discovery: discover(...agents) }));
    discoveries = asking.map(({ discovery }) => discovery);
    const views: View[] = asking.flatMap(({ agents, discovery }) =>
      ['web', 'solo', 'beating', 'far.service.dc2.consul'].map((name) => ({
        title: `${name.split('.')[0]} by ${agents.map((agent) => agent.name).join(' and ')}`,
        service: discovery.service(name),
        agents,
      })),
    );
    await Promise.all(views.map(({ service }) => service.ready({ timeout: 10_000 })));
    watch = new Watch(views, warnings);
    steps.push(performance.now());
    const [forImage, forCluster, forHandles] = steps
      .slice(1)
      .map((at, i) => `${((at - steps[i]!) / 1_000).toFixed(1)} s`);
    console.info(`ready: image ${forImage}, cluster ${forCluster}, handles ${forHandles}`);
  });

  afterAll(async () => {
    application?.stop();
    await watch?.close();
    if (watch) {
      const gap = Math.round(watch.longestGap);
      console.info(`${watch.samples} looks at ${watch.watched.length} handles, at most ${gap} ms apart`);
    }
    await Promise.all((discoveries ?? []).map((discovery) => discovery.close()));
    await cluster?.close();
  });

  const allOfWeb = ['web by c1', 'web by c2', 'web by c1 and c2'];

  function register(scene: Scene, agent: ClusterNode, titles: readonly string[], name = 'web'): void {
    scene.appears(application.register(agent, name, nextHost()), titles);
  }

  function deregister(scene: Scene, agent: ClusterNode, titles: readonly string[]): void {
    scene.leaves(application.deregister(agent, spare.get(agent)!.pop()!), titles);
  }

  it('whose leader is killed', async () => {
    const scene = new Scene(watch, 'The leader is killed', allOfWeb);
    const leader = await cluster.leader();
    await leader.kill();
    scene.event(`${leader.name}, the leader, is killed`);
    register(scene, c2, allOfWeb);
    deregister(scene, c1, allOfWeb);
    await scene.settle();
    await leader.start();
    await cluster.untilWhole();
  });

  it('of which the agent that is asked is cut off', async () => {
    const shown = [...allOfWeb, 'solo by c2'];
    const scene = new Scene(watch, 'The agent c1 is cut off from the cluster', shown);
    await c1.cut();
    scene.event('c1 is cut off');
    register(scene, c1, allOfWeb);
    register(scene, c2, allOfWeb);
    deregister(scene, c2, allOfWeb);
    await sleep(10_000);
    await c1.heal();
    scene.healed('c1 is back');
    register(scene, c2, allOfWeb);
    await scene.settle();
    expect(scene.wasStale('web by c1')).toBe(true);
    expect(scene.wasStale('web by c1 and c2')).toBe(false);
    await cluster.untilWhole();
  });

  it('whose servers all stand still', async () => {
    const scene = new Scene(watch, 'All servers are paused', allOfWeb);
    await Promise.all(cluster.servers.map((server) => server.pause()));
    scene.event('all servers stand still');
    register(scene, c2, allOfWeb);
    deregister(scene, c1, allOfWeb);
    await sleep(10_000);
    await Promise.all(cluster.servers.map((server) => server.resume()));
    scene.healed('they go on');
    await scene.settle();
    await cluster.untilWhole();
  });

  it('of which the agent that is asked is restarted', async () => {
    const shown = ['web by c1', 'web by c1 and c2', 'solo by c1', 'beating by c1'];
    const scene = new Scene(watch, 'The agent c1 is restarted: it leaves, and joins again', shown);
    const restarted = c1.restart();
    scene.event('c1 is restarted');
    register(scene, c2, allOfWeb);
    deregister(scene, c2, allOfWeb);
    await restarted;
    scene.healed('c1 is back');
    register(scene, c1, allOfWeb);
    await scene.settle();
    expect(scene.wasStale('web by c1 and c2')).toBe(false);
    await cluster.untilWhole();
  });

  it('of which the agent that is asked crashes', async () => {
    const shown = ['web by c1', 'web by c1 and c2', 'solo by c1', 'beating by c1'];
    const scene = new Scene(watch, 'The agent c1 crashes, and starts again 4 s later', shown);
    await c1.kill();
    scene.event('c1 is killed');
    register(scene, c2, allOfWeb);
    deregister(scene, c2, allOfWeb);
    await sleep(4_000);
    await c1.start();
    scene.healed('c1 is back');
    register(scene, c1, allOfWeb);
    await scene.settle();
    expect(scene.wasStale('web by c1 and c2')).toBe(false);
    await cluster.untilWhole();
  });

  it('whose other datacenter is cut off', async () => {
    const far = ['far by c1', 'far by c2', 'far by c1 and c2'];
    const scene = new Scene(watch, 'The second datacenter is cut off', [...far, 'web by c1']);
    await cluster.elsewhere.cut();
    scene.event('x1, all of dc2, is cut off');
    register(scene, cluster.elsewhere, far, 'far');
    await sleep(10_000);
    await cluster.elsewhere.heal();
    scene.healed('x1 is back');
    await scene.settle();
    expect(scene.wasStale('far by c1')).toBe(true);
    expect(scene.wasStale('web by c1')).toBe(false);
    await cluster.untilWhole();
  });
});
