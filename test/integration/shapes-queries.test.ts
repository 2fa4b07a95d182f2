import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { discover, enter, errorOf, pairs, replyOf, seen, until } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** One node per distance from the first, in seconds on a line. */
const distances = [0, 0.01, 0.03, 0.07, 0.15];
const nearestFirst = distances.map((_, i) => `10.1.0.${i + 1}:80`);

describeWithConsul('prepared queries, mesh names and hosts on real Consul', () => {
  let agent: Agent;
  const order = async (name: string) => {
    const { answers } = await replyOf(agent, name, 'SRV');
    return answers.map((record) => `${'target' in record && record.target}`).join(' ');
  };

  beforeAll(async () => {
    agent = await startAgent();
    for (const [i, distance] of distances.entries()) {
      const node = `near${i + 1}`;
      await enter(agent, {
        node,
        at: `10.0.0.${i + 1}`,
        service: 'spread',
        address: `10.1.0.${i + 1}`,
        port: 80,
      });
      const Coord = { Vec: [distance, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 0 };
      await agent.http('PUT', '/v1/coordinate/update', { Node: node, Segment: '', Coord });
    }
    const query = (Name: string, Service: object, DNS = {}) =>
      agent.http('POST', '/v1/query', { Name, Service, DNS });
    await query('plain', { Service: 'spread' });
    await query('lasting', { Service: 'spread' }, { TTL: '21s' });
    await query('near', { Service: 'spread', Near: 'near1' });
    await query('none', { Service: 'nobody' });
    const register = (body: object) => agent.http('PUT', '/v1/agent/service/register', body);
    const sidecar = { Kind: 'connect-proxy', Name: 'sidecar', Address: '10.4.0.1', Port: 20_000 };
    await register({ ...sidecar, Proxy: { DestinationServiceName: 'spread' } });
    await until('the sidecar', async () => (await order('spread.connect.consul')) !== '');
  });
  afterAll(() => agent?.stop());

  it('a query finds what its service has, in any order', async () => {
    const { discovery } = discover(agent);
    const { addresses, complete } = await discovery.resolve({ query: 'plain' });
    seen(agent, 'a prepared query', pairs({ addresses }));
    expect([pairs({ addresses }), complete]).toEqual([nearestFirst, true]);
    expect(addresses.some((address) => 'rank' in address)).toBe(false);
    const { code, message } = await errorOf(discovery.resolve({ query: 'none' }));
    expect([code, message]).toEqual(['ERR_SERVICE_NOT_FOUND', expect.stringContaining('prepared query')]);
  });

  it('its TTL holds', async () => {
    const { discovery } = discover(agent, { ttl: { jitter: 0 } });
    const { ttl } = await discovery.resolve('lasting.query.consul');
    const again = await discovery.resolve('lasting.query.consul');
    seen(
      agent,
      'a prepared query with a TTL of 21 s',
      `${ttl} ms, then from memory ${Math.round(again.ttl)} ms`,
    );
    expect(ttl).toBe(21_000);
    expect(again.ttl).toBeLessThan(21_000);
    expect(discovery.stats().dns.sent).toBeLessThanOrEqual(2);
  });

  describe('with Near', () => {
    beforeAll(async () => {
      // Coordinates are taken in batches, every few seconds.
      const byDistance = distances.map((_, i) => `0a01000${i + 1}.addr.dc1.consul`).join(' ');
      await until('the coordinates', async () => {
        for (let i = 0; i < 5; i++) if ((await order('near.query.consul')) !== byDistance) return false;
        return true;
      });
    });

    it('ordered: true keeps the order, and the strategy first picks the nearest every time', async () => {
      const { discovery } = discover(agent, { balancer: 'first' });
      const near = discovery.service({ query: 'near', ordered: true });
      await near.ready();
      const picked = new Set<string>();
      for (let refresh = 0; refresh < 20; refresh++) {
        await near.refresh();
        for (let pick = 0; pick < 5; pick++) picked.add(near.pick().address);
      }
      const { addresses } = await discovery.resolve({ query: 'near', ordered: true }, { fresh: true });
      seen(
        agent,
        'the nearest of five',
        `${[...picked]} in 100 of 100 picks over 20 refreshes; order ${addresses.map(({ host }) => host)}`,
      );
      expect([...picked]).toEqual(['10.1.0.1:80']);
      expect(addresses.map(({ host, port, rank }) => [`${host}:${port}`, rank])).toEqual(
        nearestFirst.map((address, rank) => [address, rank]),
      );
      // Sorted by address, as all snapshots are.
      expect(near.endpoints.map(({ address }) => address)).toEqual(nearestFirst);
    });

    it('the next nearest is picked once the nearest is gone', async () => {
      const { discovery } = discover(agent, { balancer: 'first' });
      const near = discovery.service('near.query.consul;ordered');
      await near.ready();
      // The node stays: with it would go its coordinates, and the order.
      const instance = { Node: 'near1', ServiceID: 'spread-10.1.0.1-80' };
      await agent.http('PUT', '/v1/catalog/deregister', instance);
      await near.refresh();
      const then = near.pick().address;
      await enter(agent, { node: 'near1', at: '10.0.0.1', service: 'spread', address: '10.1.0.1', port: 80 });
      await near.refresh();
      seen(agent, 'the nearest leaves and comes back', `${then}, then ${near.pick().address}`);
      expect([then, near.pick().address]).toEqual(['10.1.0.2:80', '10.1.0.1:80']);
    });

    it('without ordered it is a list like others', async () => {
      const { discovery } = discover(agent);
      const { addresses } = await discovery.resolve({ query: 'near' });
      expect(pairs({ addresses })).toEqual(nearestFirst);
      expect(addresses.some((address) => 'rank' in address)).toBe(false);
    });
  });

  it('.connect finds the sidecars and warns once that they expect mutual TLS', async () => {
    const { discovery, warnings } = discover(agent);
    for (let i = 0; i < 5; i++) {
      expect(pairs(await discovery.resolve({ connect: 'spread' }, { fresh: true }))).toEqual([
        '10.4.0.1:20000',
      ]);
    }
    await discovery.service('spread.connect.consul').ready();
    seen(
      agent,
      '.connect',
      warnings.map(({ code, message }) => `${code} ${message}`),
    );
    expect(warnings.map(({ code }) => code)).toEqual(['CONNECT_EXPECTS_MTLS']);
  });

  it('hosts are found by resolve without a port and by service with one', async () => {
    const { discovery } = discover(agent);
    const names = [
      'near2.node.consul',
      { node: 'near2', datacenter: 'dc1' },
      '0a000002.addr.consul',
      { addr: '10.0.0.2' },
    ];
    for (const name of names) {
      const { addresses, complete } = await discovery.resolve(name);
      expect([addresses, complete]).toEqual([[{ host: '10.0.0.2', port: 0, priority: 1, weight: 1 }], true]);
    }
    const [byNode, byAddress] = [
      discovery.service('near2.node.consul', { port: 5_432 }),
      discovery.service({ addr: '10.0.0.2' }, { port: 5_432 }),
    ];
    for (const host of [byNode, byAddress]) {
      await host.ready();
      await host.refresh();
      expect(host.pick().address).toBe('10.0.0.2:5432');
    }
    expect(() => discovery.service({ node: 'near3' })).toThrow(/give one/);
    seen(agent, 'hosts', `${byNode.name} and ${byAddress.name}: ${byNode.pick().address}`);
  });
});
