import type { DispatcherOptions } from '../../../src/adapter/undici.ts';
import type { DiscoveryOptions } from '../../../src/index.ts';
import { type Agent, type AgentOptions, startAgent } from '../consul-agent.ts';
import { Client } from './client.ts';
import { Fleet } from './fleet.ts';
import type { Load } from './load.ts';
import { inWords, type Summary, summarize } from './summary.ts';

/** A Consul, eight instances of `web` and a client: all that a scenario is played with. */
export interface Scene extends AsyncDisposable {
  readonly agent: Agent;
  readonly fleet: Fleet;
  readonly client: Client;
}

export const instances = 8;

export interface Setting {
  /** Milliseconds that an instance takes for an answer. */
  readonly delay?: number;
  readonly discovery?: DiscoveryOptions;
  readonly dispatcher?: DispatcherOptions;
  readonly consul?: AgentOptions;
}

export async function setScene(setting: Setting = {}): Promise<Scene> {
  const agent = await startAgent(setting.consul);
  const fleet = new Fleet(agent, setting.delay);
  await fleet.add(instances);
  const client = new Client(agent.dnsAddress, setting.discovery, setting.dispatcher);
  return {
    agent,
    fleet,
    client,
    async [Symbol.asyncDispose]() {
      await client.close();
      await fleet.stop();
      await agent.stop();
    },
  };
}

/** Ends the load and says what it came to. */
export async function judge(what: string, { version }: Agent, load: Load): Promise<Summary> {
  const summary = summarize(await load.stop());
  console.info(`${what}, Consul ${version}: ${inWords(summary)}`);
  for (const [why, times] of summary.failures) console.info(`  ${times} × ${why}`);
  return summary;
}
