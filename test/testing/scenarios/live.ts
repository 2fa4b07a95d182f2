import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { type ConsulVersion, isMeasured } from '../../../src/testing/versions.ts';
import {
  type Agent,
  type AgentOptions,
  describeWithConsul,
  findConsul,
  startAgent,
} from '../../integration/consul-agent.ts';
import { request, tcpClient, udpClient } from '../ask.ts';
import type { Capture } from '../captures.ts';
import { orders, replay } from '../replay.ts';
import { configOf } from './agent-config.ts';
import { scenarios } from './index.ts';
import { type Agents, type KnownNodes, metaOf, operationsOf, put } from './on-consul.ts';
import { exportToPeer, importsArrived } from './peering.ts';
import { startScenario } from './put.ts';
import { startRecursor } from './recursor-stub.ts';
import { ALL, type Question, type Scenario } from './scenario.ts';

/** Set, what Consul says is kept as the fixture `recorded-<version>.json`. */
const RECORD = process.env['RECORD_CONSUL'] !== undefined;
/** ms after which Consul is taken to stay silent; more than it waits for a recursor. */
const SILENCE = 2_600;
/** ms until what was put into the catalogue is in all answers. */
const SETTLE = 1_200;
const SCENARIO_TIMEOUT = 120_000;

/** The scenarios put into a real Consul and into the double of its version: each of Consul's replies must be one of the double's. */
export function compareDoubleWithConsul(): void {
  describeWithConsul('the double, next to a real Consul', () => {
    const recorded: object[] = [];
    let version: ConsulVersion | undefined;
    afterAll(() => {
      if (!RECORD || version === undefined) return;
      const file = new URL(`../../fixtures/recorded-${version}.json`, import.meta.url);
      writeFileSync(file, `[\n${recorded.map((capture) => JSON.stringify(capture)).join(',\n')}\n]\n`);
    });

    describe.each(scenarios)('$name', (scenario) => {
      it('says the same', { timeout: SCENARIO_TIMEOUT }, async ({ skip }) => {
        const found = await findConsul();
        const running = found.kind === 'binary' ? found.version : '';
        if (!isMeasured(running) || !(scenario.versions ?? ALL).includes(running))
          return skip(`not for Consul ${running}`);
        version = running;
        await using consul = await startConsul(scenario, running);
        await using double = await startScenario(scenario, running);
        const wrong: string[] = [];
        const nodes: KnownNodes = new Map();
        for (const [at, step] of scenario.steps.entries()) {
          for (const operation of operationsOf(step)) await put(consul, nodes, operation);
          step.put?.(double);
          await importsArrived(consul, scenario);
          await sleep(SETTLE);
          for (const question of step.asks) {
            for (const capture of await askConsul(consul.own, question)) {
              recorded.push(asFixture(capture, running, `${scenario.name} / ${at}`));
              const few = orders(capture) <= 48;
              const likeness = await replay(double, capture, few || question.part ? 600 : 5, question.part);
              const good = question.part ? /^the same|^another part/ : few ? /^the same bytes/ : /^the same/;
              if (!good.test(likeness)) wrong.push(`${capture.name} (${capture.transport}): ${likeness}`);
            }
          }
        }
        expect(wrong).toEqual([]);
      });
    });
  });
}

async function askConsul(agent: Agent, question: Question): Promise<Capture[]> {
  const { name, type = 'SRV', edns, transport = 'udp', replies = 1 } = question;
  const asked = request({ ...question, id: 0x3000 });
  const different = new Map<string, Buffer>();
  for (let tries = replies > 1 ? 80 : 1; tries > 0 && different.size < replies; tries--) {
    await using client = await (transport === 'tcp' ? tcpClient : udpClient)({ port: agent.ports.dns });
    client.send(asked);
    const response = await Promise.race([client.next(), sleep(SILENCE, Buffer.alloc(0), { ref: false })]);
    // But for the serial of a SOA.
    different.set(response.toString('hex').replace(/.{8}(?=00000e1000000258)/, ''), response);
  }
  const over = transport + (edns === undefined ? '' : `+edns${edns}`);
  return [...different.values()].map((response) => ({
    name: `${name} ${type}`,
    setup: '',
    transport: over,
    request: asked,
    response,
  }));
}

function asFixture(
  { name, transport, request: asked, response }: Capture,
  consulVersion: string,
  setup: string,
): object {
  return {
    name,
    consulVersion,
    setup,
    transport,
    requestHex: asked.toString('hex'),
    responseHex: response.toString('hex'),
  };
}

/** The scenario's agent, and a second one where it has another datacenter or a peer. */
async function startConsul(scenario: Scenario, version: ConsulVersion): Promise<Agents & AsyncDisposable> {
  const { options = {}, steps } = scenario;
  const operations = steps.flatMap(operationsOf);
  const recursor = options.recursor && (await startRecursor(options.recursor));
  const withAcl = operations.some(([kind]) => kind === 'acl');
  const mentions = (place: 'datacenter' | 'peer') =>
    operations.some(
      ([, subject]) =>
        typeof subject === 'object' &&
        place in subject &&
        (subject as { peer?: string })[place as 'peer'] !== undefined,
    );
  const peered = mentions('peer');
  const nodeMeta = Object.fromEntries(
    Object.entries(options.nodeMeta ?? {}).filter(([key]) => !key.startsWith('consul-')),
  );
  const own: AgentOptions = {
    node: options.node ?? 'double',
    nodeMeta,
    config: configOf(options, { recursor: recursor?.address, withAcl, version }),
  };
  const agent = await startAgent(peered ? withGrpc(own) : own);
  let other: Agent | undefined;
  if (peered) {
    other = await startAgent(withGrpc({ node: 'b-own', config: { datacenter: 'dcp' } }));
    await exportToPeer(agent, other, scenario);
  } else if (mentions('datacenter')) {
    other = await startAgent({ node: 'b-own', config: { datacenter: 'dc2' } });
    await other.http('PUT', `/v1/agent/join/127.0.0.1:${agent.ports.serfWan}?wan=1`);
    while ((await agent.http<string[]>('GET', '/v1/catalog/datacenters')).length < 2) await sleep(100);
    await sleep(SETTLE);
  }
  return {
    version,
    own: agent,
    other,
    meta: metaOf(version, options.nodeMeta),
    async [Symbol.asyncDispose]() {
      await Promise.all([agent.stop(), other?.stop(), recursor?.[Symbol.asyncDispose]()]);
    },
  };
}

/** Peers speak gRPC with each other; the flag that turns it off is overruled by one that comes later. */
function withGrpc(options: AgentOptions): AgentOptions {
  const port = 15_000 + Math.floor(Math.random() * 15_000);
  return { ...options, serverFlags: ['-grpc-tls-port', String(port)] };
}
