import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { ConsulHttp } from '../../src/consul/http.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { ScriptedAgent, say, until } from './scripted-agent.ts';

let agent: ScriptedAgent;
let http: ConsulHttp;
const warnings: string[] = [];
const hear = ({ name, message, ...warning }: Error & { code?: string }) =>
  warnings.push(`${name} ${warning.code ?? ''} ${message}`);

beforeEach(async () => {
  agent = await ScriptedAgent.start(() => ({ body: 'fine' }));
  http = new ConsulHttp(completeConsul({ address: agent.address }, {}), systemClock);
  warnings.length = 0;
  process.on('warning', hear);
});
afterEach(async () => {
  process.off('warning', hear);
  await http.close();
  await agent.close();
});

/** Answers everything but blocking queries. */
const holding = ({ url }: { url: string }) => (url.includes('index=') ? undefined : { body: 'fine' });

describe('connections to Consul', () => {
  it('are used again', async () => {
    for (let i = 0; i < 10; i++) await http.request(i % 2 === 0 ? 'GET' : 'PUT', '/v1/x');
    expect(agent.connections).toBe(1);
  });

  it('that the agent closed meanwhile are not: it was restarted', async () => {
    await http.request('GET', '/v1/x');
    agent.breakConnections();
    await until(() => agent.openConnections === 0);
    expect((await http.request('GET', '/v1/x')).body).toBe('fine');
    expect((await http.request('PUT', '/v1/x', { idempotent: true })).body).toBe('fine');
  });

  it('that break at the moment of use are replaced, where the request may be sent twice', async () => {
    await http.request('GET', '/v1/x');
    agent.script = ({ connection }, response) => {
      if (connection > 0) return { body: 'second' };
      response.destroy();
      return undefined;
    };
    expect((await http.request('GET', '/v1/x')).body).toBe('second');
    expect(agent.connections).toBe(2);
  });

  it('stay below what Consul allows: 28 for requests', async () => {
    let most = 0;
    agent.script = async () => {
      most = Math.max(most, agent.openConnections);
      await new Promise((resolve) => setImmediate(resolve));
      return { body: 1 };
    };
    // Of one signal, which has room for ten listeners.
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 500 }, () => http.request('GET', '/v1/x', { signal })));
    expect(agent.asked).toHaveLength(500);
    expect(most).toBe(28);
    expect(warnings).toEqual([]);
  });

  it('are not all taken by blocking queries: those are 100, and requests have their own', async () => {
    agent.script = holding;
    const watches = Array.from({ length: 120 }, (_, i) => http.request('GET', `/v1/kv/${i}?index=1`));
    const results = Promise.allSettled(watches);
    await until(() => agent.asked.length === 100);
    expect((await http.request('GET', '/v1/x')).body).toBe('fine');
    await new Promise((resolve) => setImmediate(resolve));
    expect(agent.asked.filter(({ url }) => url.includes('index='))).toHaveLength(100);
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([
      expect.stringMatching(/^DiscoveryWarning CONSUL_CONNECTIONS More than 100 blocking/),
    ]);
    await http.close();
    expect(new Set((await results).map((one) => (one as PromiseRejectedResult).reason.code))).toEqual(
      new Set(['ERR_CLOSED']),
    );
  });

  it('are given to those who wait in their order, and an aborted one gives up at once', async () => {
    const held: (() => void)[] = [];
    agent.script = (asked, response) => {
      held.push(() => say(response, { index: 2, body: asked.url }));
      return undefined;
    };
    const all = Array.from({ length: 102 }, (_, i) => {
      const controller = new AbortController();
      const { signal } = controller;
      return { controller, answer: http.request('GET', `/v1/kv/${i}?index=1`, { signal }) };
    });
    await until(() => held.length === 100);
    const reason = new Error('enough');
    all[100]!.controller.abort(reason);
    await expect(all[100]!.answer).rejects.toBe(reason);
    held[0]!();
    await until(() => held.length === 101);
    expect(agent.asked.at(-1)?.url).toContain('/v1/kv/101?');
    for (const answer of held.slice(1)) answer();
    await Promise.all(all.filter((_, i) => i !== 100).map(({ answer }) => answer));
  });
});
