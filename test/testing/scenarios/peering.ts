import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../integration/consul-agent.ts';
import { type Agents, operationsOf } from './on-consul.ts';
import type { Scenario } from './scenario.ts';

/** Names of the services a scenario imports, one for each instance. */
function imported({ steps }: Scenario): string[] {
  return steps.flatMap(operationsOf).flatMap((operation) => {
    return operation[0] === 'service' && operation[1].peer !== undefined ? [operation[1].name] : [];
  });
}

/** Makes `other` the peer that scenarios call `east`. */
export async function exportToPeer(own: Agent, other: Agent, scenario: Scenario): Promise<void> {
  await sleep(1_500);
  const { PeeringToken } = await other.http<{ PeeringToken: string }>('POST', '/v1/peering/token', {
    PeerName: 'home',
  });
  await own.http('POST', '/v1/peering/establish', { PeerName: 'east', PeeringToken });
  const services = [...new Set(imported(scenario))].map((Name) => ({ Name, Consumers: [{ Peer: 'home' }] }));
  await other.http('PUT', '/v1/config', { Kind: 'exported-services', Name: 'default', Services: services });
}

export async function importsArrived({ own, other }: Agents, scenario: Scenario): Promise<void> {
  const names = imported(scenario);
  if (other === undefined || names.length === 0) return;
  for (const name of new Set(names)) {
    const wanted = names.filter((each) => each === name).length;
    while ((await own.http<unknown[]>('GET', `/v1/health/service/${name}?peer=east`)).length < wanted)
      await sleep(200);
  }
}
