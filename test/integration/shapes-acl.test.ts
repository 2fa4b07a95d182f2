import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Discovery } from '../../src/index.ts';
import { discover, enter, errorOf, pairs, seen } from './asking.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';

const found = await findConsul();
const [major = 0, minor = 0] = found.kind === 'binary' ? found.version.split('.').map(Number) : [1, 22];
const manager = randomUUID();
const tokens = {
  default: manager,
  agent: manager,
  [major > 1 || minor >= 11 ? 'initial_management' : 'master']: manager,
};
const names = ['s1', 's2', 's3', 's4', 's5'];
/** A refresh every half second, and a short patience, so that what is to outlive it does so in seconds. */
const quick = { ttl: { min: 500, max: 500 }, hold: { empty: 2_000 } };

describeWithConsul('ACL denials by real Consul', () => {
  let agent: Agent;
  const manage = async (method: string, path: string, body: object = {}) => {
    const headers = { 'X-Consul-Token': manager };
    const response = await fetch(`${agent.httpAddress}${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json().catch(() => ({}))) as Record<string, string>;
  };
  /** What DNS questions are asked with. */
  const useToken = (Token: string) => manage('PUT', '/v1/agent/token/default', { Token });

  beforeAll(async () => {
    agent = await startAgent({ config: { acl: { enabled: true, default_policy: 'deny', tokens } } });
    for (const [i, service] of names.entries()) {
      await enter(agent, { node: 'n1', at: '10.0.0.1', service, address: `10.1.0.${i + 1}`, port: 80 });
    }
  });
  beforeEach(() => useToken(manager));
  afterAll(() => agent?.stop());

  const held = async (discovery: Discovery) => {
    const services = names.map((name) => discovery.service(name));
    for (const service of services) await service.ready();
    return services;
  };
  /** The fewest endpoints any of the services had, looked at every 20 ms. */
  const fewestWithin = async (ms: number, services: Awaited<ReturnType<typeof held>>) => {
    let fewest = Number.POSITIVE_INFINITY;
    for (const end = Date.now() + ms; Date.now() < end; await sleep(20)) {
      for (const service of services) fewest = Math.min(fewest, service.endpoints.length);
    }
    return fewest;
  };

  it('look like "no such service", and the message hints at the token', async () => {
    const { discovery } = discover(agent);
    expect(pairs(await discovery.resolve('s1'))).toEqual(['10.1.0.1:80']);
    await useToken('');
    const { code, message } = await errorOf(discovery.resolve('s1', { fresh: true }));
    seen(agent, 'a token that may read nothing', `${code} ${message}`);
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    for (const words of ['NXDOMAIN', 'shows no Consul servers', 'service:read', 'node:read'])
      expect(message).toContain(words);
  });

  it('are not hinted at where the agent shows its servers', async () => {
    const { message } = await errorOf(discover(agent).discovery.resolve('nope'));
    expect(message).not.toContain('service:read');
    expect(message).toContain('ACL');
  });

  it('of a token nobody knows are a failure with its rcode', async () => {
    await useToken(randomUUID());
    const { code, rcode, message } = await errorOf(discover(agent).discovery.resolve('s1'));
    seen(agent, 'an unknown token', `${code} ${rcode}: ${message}`);
    expect([code, rcode]).toEqual(['ERR_DNS_RESPONSE', 'SERVFAIL']);
  });

  it('after good lists of five services are one error of all: the lists are kept beyond hold.empty', async () => {
    const { discovery, warnings } = discover(agent, quick);
    const services = await held(discovery);
    await useToken('');
    const fewest = await fewestWithin(3_500, services);
    const stale = services.filter(({ snapshot }) => snapshot.stale).length;
    const codes = warnings.map(({ code }) => code);
    await useToken(manager);
    const back = performance.now();
    await expect
      .poll(() => services.every(({ snapshot }) => !snapshot.stale), { timeout: 15_000, interval: 20 })
      .toBe(true);
    const ms = Math.round(performance.now() - back);
    seen(
      agent,
      'five services denied for 3.5 s, hold.empty 2 s',
      `never fewer than ${fewest} endpoint, ${stale} stale, ${codes}; fresh ${ms} ms after the token came back`,
    );
    expect([fewest, stale]).toEqual([1, 5]);
    expect(codes.filter((code) => code === 'SERVICES_VANISHED')).toHaveLength(1);
  });

  it('by deleting the token in use are failures: the lists are kept, with one warning', async () => {
    const Name = `all-${randomUUID().slice(0, 8)}`;
    const Rules = 'service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }';
    await manage('PUT', '/v1/acl/policy', { Name, Rules });
    const { AccessorID, SecretID = '' } = await manage('PUT', '/v1/acl/token', { Policies: [{ Name }] });
    await useToken(SecretID);
    const { discovery, warnings } = discover(agent, quick);
    const services = await held(discovery);
    await manage('DELETE', `/v1/acl/token/${AccessorID}`);
    const fewest = await fewestWithin(2_000, services);
    const codes = warnings.map(({ code }) => code);
    const lastError = services[0]?.stats().lastError;
    seen(
      agent,
      'the token in use is deleted, watched for 2 s',
      `never fewer than ${fewest} endpoint; ${codes}; ${lastError}`,
    );
    expect([fewest, codes]).toEqual([1, ['CONSUL_UNAVAILABLE']]);
    expect(lastError).toContain('SERVFAIL');
  });

  it('of nobody: one service that loses its only instance is empty after hold.empty', async () => {
    const { discovery, warnings } = discover(agent, quick);
    const services = await held(discovery);
    await manage('PUT', '/v1/catalog/deregister', { Node: 'n1', ServiceID: 's5-10.1.0.5-80' });
    const started = performance.now();
    await expect.poll(() => services[4]?.endpoints.length, { timeout: 10_000, interval: 20 }).toBe(0);
    const ms = Math.round(performance.now() - started);
    seen(agent, 'one of five services empties', `after ${ms} ms; ${warnings.map(({ code }) => code)}`);
    expect(ms).toBeGreaterThan(2_000);
    expect(warnings.map(({ code }) => code)).toEqual(['SERVICE_EMPTY']);
    expect(services.map(({ endpoints }) => endpoints.length)).toEqual([1, 1, 1, 1, 0]);
  });
});
