import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DiscoveryOptions } from '../../src/index.ts';
import { discover, enter, errorOf, pairs, replyOf, seen } from './asking.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';
import { type StubDns, type StubZone, startStubDns } from './stub-dns.ts';

/** `.test` is nobody's: no other resolver knows these. */
const zone: StubZone = {
  'db.test': [
    { type: 'A', data: '192.0.2.1' },
    { type: 'A', data: '192.0.2.2' },
    { type: 'AAAA', data: '2001:db8::1' },
  ],
  'www.test': [{ type: 'CNAME', data: 'cdn.test' }],
  'cdn.test': [{ type: 'CNAME', data: 'edge.test' }],
  'edge.test': [{ type: 'A', data: '192.0.2.3' }],
  'six.test': [{ type: 'AAAA', data: '2001:db8::2' }],
  'l1.test': [{ type: 'CNAME', data: 'l2.test' }],
  'l2.test': [{ type: 'CNAME', data: 'l3.test' }],
  'l3.test': [{ type: 'CNAME', data: 'l1.test' }],
  'silent.test': 'silent',
};
const node = { node: 'n1', at: '10.0.0.1' };

const inDocker = (await findConsul()).kind === 'docker';
if (inDocker) console.warn('skipped: external hosts: a container does not reach a recursor on our loopback');

describe.skipIf(inDocker)('external hosts', () => {
  describeWithConsul('on real Consul with a recursor', () => {
    let stub: StubDns;
    let agent: Agent;
    beforeAll(async () => {
      stub = await startStubDns(zone);
      agent = await startAgent({ config: { recursors: [stub.address] } });
    });
    afterAll(async () => {
      await agent?.stop();
      await stub?.close();
    });

    const found = async (name: string, options: DiscoveryOptions = {}) => {
      const { addresses } = await discover(agent, options).discovery.resolve(name);
      return addresses.map(({ host, port, serverName }) => `${host} ${port} ${serverName}`).sort();
    };

    it('with several addresses are as many endpoints, which share the weight and keep the name', async () => {
      const weights = { Passing: 10, Warning: 1 };
      await enter(agent, { ...node, service: 'db', address: 'db.test', port: 80, weights });
      const { addresses, complete } = await discover(agent, { family: 4 }).discovery.resolve('db');
      seen(agent, 'a host with two IPv4 addresses', addresses);
      const shared = { port: 80, weight: 5, target: 'db.test', serverName: 'db.test' };
      expect(addresses).toMatchObject([
        { host: '192.0.2.1', ...shared },
        { host: '192.0.2.2', ...shared },
      ]);
      expect(complete).toBe(true);
    });

    it('behind a chain of CNAMEs are found at its end, under the name that was registered', async () => {
      await enter(agent, { ...node, service: 'www', address: 'www.test', port: 80 });
      const { additionals } = await replyOf(agent, 'www.service.consul', 'SRV');
      expect(additionals.map(({ type }) => type)).toEqual(['CNAME', 'CNAME', 'A']);
      expect(await found('www')).toEqual(['192.0.2.3 80 www.test']);
      expect(await found('www', { records: 'A', port: 99 })).toEqual(['192.0.2.3 99 www.test']);
      seen(agent, 'a chain of CNAMEs', await found('www'));
    });

    it('of IPv6 are found, and of both families the wanted one, although Consul brings IPv4 only', async () => {
      await enter(agent, { ...node, service: 'six', address: 'six.test', port: 80 });
      await enter(agent, { ...node, service: 'both', address: 'db.test', port: 80 });
      const { additionals } = await replyOf(agent, 'both.service.consul', 'SRV');
      expect(additionals.map(({ type }) => type)).toEqual(['A', 'A']);
      for (const family of ['any', 6] as const) {
        expect(await found('six', { family })).toEqual(['2001:db8::2 80 six.test']);
      }
      expect(await found('both', { family: 6 })).toEqual(['2001:db8::1 80 db.test']);
      expect(await found('both', { family: 4 })).toEqual(['192.0.2.1 80 db.test', '192.0.2.2 80 db.test']);
      expect(await found('both', { family: 6, records: 'A', port: 99 })).toEqual(['2001:db8::1 99 db.test']);
      const { discovery } = discover(agent);
      const lists = new Set<string>();
      for (let i = 0; i < 10; i++) lists.add(`${pairs(await discovery.resolve('both', { fresh: true }))}`);
      expect(lists.size).toBe(1);
      seen(agent, 'a host of both families with family: 6', await found('both', { family: 6 }));
    });

    it('in a loop of CNAMEs cost their own instance only', async () => {
      await enter(agent, { ...node, service: 'loop', address: 'l1.test', port: 80 });
      await enter(agent, { ...node, service: 'loops', address: 'l1.test', port: 80 });
      await enter(agent, { ...node, service: 'loops', address: '10.1.0.1', port: 80 });
      const { additionals } = await replyOf(agent, 'loop.service.consul', 'SRV');
      expect(additionals.map(({ type }) => type)).toEqual(['CNAME', 'CNAME', 'CNAME']);
      expect(await found('loops')).toEqual(['10.1.0.1 80 undefined']);
      const { code, message } = await errorOf(found('loop'));
      seen(agent, 'a loop of CNAMEs', `others stay; alone: ${code} ${message}`);
      expect([code, message]).toEqual(['ERR_SERVICE_NOT_FOUND', expect.stringContaining('l1.test')]);
    });

    it('by A carry each its own name and stay, though each reply has but one of them', async () => {
      await enter(agent, { ...node, service: 'hosts', address: 'db.test', port: 80 });
      await enter(agent, { ...node, service: 'hosts', address: 'www.test', port: 80 });
      const { discovery } = discover(agent, { records: 'A', port: 99, family: 4 });
      const hosts = discovery.service('hosts');
      const removed: string[] = [];
      hosts.subscribe((_snapshot, change) => removed.push(...change.removed.map(({ address }) => address)));
      await hosts.ready();
      let whole = 0;
      for (let refresh = 0; refresh < 30; refresh++) {
        const { addresses, complete, omission = 0 } = await discovery.resolve('hosts', { fresh: true });
        if (addresses.length === 3) whole++;
        expect([complete, omission > 0]).toEqual([false, true]);
        await hosts.refresh();
      }
      const all = hosts.endpoints.map(({ host, serverName }) => `${host} ${serverName}`);
      seen(
        agent,
        'two hosts by A',
        `${all}; whole in ${whole} of 30 lists, ${removed.length} removed in 30 refreshes`,
      );
      expect(all).toEqual(['192.0.2.1 db.test', '192.0.2.2 db.test', '192.0.2.3 www.test']);
      expect(removed).toEqual([]);
    });

    it('in place of the address of a node are found for its services and for itself', async () => {
      await enter(agent, { node: 'cloud', at: 'edge.test', service: 'oncloud', port: 80 });
      expect(await found('oncloud')).toEqual(['192.0.2.3 80 edge.test']);
      expect(await found('cloud.node.consul')).toEqual(['192.0.2.3 0 edge.test']);
      seen(agent, 'a node at a host name', await found('cloud.node.consul'));
    });

    it('unknown to the recursor go to the system’s resolver', async () => {
      await enter(agent, { ...node, service: 'local', address: 'localhost', port: 80 });
      stub.questions.length = 0;
      expect(await found('local', { family: 4 })).toEqual(['127.0.0.1 80 localhost']);
      expect(stub.questions).toContain('A localhost');
      seen(agent, 'a host only this machine knows', await found('local', { family: 4 }));
    });

    it('stay while the recursor fails, and leave when it says that there is no such name', async () => {
      await enter(agent, { ...node, service: 'flaky', address: 'flaky.test', port: 80 });
      await enter(agent, { ...node, service: 'flaky', address: '10.2.0.1', port: 80 });
      zone['flaky.test'] = [{ type: 'A', data: '192.0.2.9' }];
      const flaky = discover(agent, { timeout: 3_000 }).discovery.service('flaky');
      const now = () => flaky.endpoints.map(({ address }) => address);
      await flaky.ready();
      expect(now()).toEqual(['10.2.0.1:80', '192.0.2.9:80']);
      zone['flaky.test'] = 'SERVFAIL';
      for (let refresh = 0; refresh < 3; refresh++) await flaky.refresh();
      seen(agent, 'a host while the recursor answers SERVFAIL', now());
      expect(now()).toEqual(['10.2.0.1:80', '192.0.2.9:80']);
      delete zone['flaky.test'];
      await flaky.refresh();
      seen(agent, 'the same host once it does not exist', now());
      expect(now()).toEqual(['10.2.0.1:80']);
    });

    describe('behind a recursor that stays silent, for which Consul waits 2 s', () => {
      const services = async () => {
        await agent.register({ name: 'waiting', address: 'silent.test', port: 80 });
        await agent.register({ name: 'waiting', address: '10.3.0.1', port: 80 });
      };

      it('do not cost the other instances where `timeout` is longer than that', async () => {
        await services();
        const { discovery } = discover(agent, { timeout: 2_500 });
        const started = performance.now();
        const { addresses, unresolved } = await discovery.resolve('waiting');
        seen(
          agent,
          'a silent recursor, timeout 2 500',
          `${pairs({ addresses })} after ${Math.round(performance.now() - started)} ms`,
        );
        expect([pairs({ addresses }), unresolved]).toEqual([['10.3.0.1:80'], { targets: ['silent.test'] }]);
      });

      // The question is given up after 1 s and sent again, and the answer to the first, which comes after 2 s, is not taken.
      it.fails('do not cost the other instances with the default `timeout`', async () => {
        await services();
        const started = performance.now();
        const { code, message } = await discover(agent)
          .discovery.resolve('waiting')
          .then(pairs)
          .then(
            (message) => ({ code: 'found', message }),
            (error) => error,
          );
        seen(
          agent,
          'a silent recursor, default timeout',
          `${code} after ${Math.round(performance.now() - started)} ms`,
        );
        expect([code, message]).toEqual(['found', ['10.3.0.1:80']]);
      });
    });
  });
});
