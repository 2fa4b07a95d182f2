import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { discover, errorOf, pairs, replyOf, seen, until } from './asking.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';

const found = await findConsul();
const [major = 0, minor = 0] = found.kind === 'binary' ? found.version.split('.').map(Number) : [1, 22];
const knowsPorts = major > 1 || minor >= 22;
if (!knowsPorts) console.warn(`skipped: named ports: Consul ${major}.${minor} has none (1.22 and later do)`);

const name = { service: 'mp', port: 'admin' };
const question = 'mp.service.admin.port.consul';

describe.skipIf(!knowsPorts)('named ports', () => {
  describeWithConsul('on real Consul', () => {
    let agent: Agent;
    const register = async (i: number, ports: object) => {
      const body = { Name: 'mp', ID: `mp${i}`, Address: `10.1.0.${i}`, ...ports };
      await agent.http('PUT', '/v1/agent/service/register', body);
    };
    const both = (i: number) => ({
      Ports: [
        { Name: 'http', Port: 8_000 + i, Default: true },
        { Name: 'admin', Port: 9_000 + i },
      ],
    });
    const inDns = async () => (await replyOf(agent, 'mp.service.consul', 'SRV')).answers.length;

    beforeAll(async () => {
      agent = await startAgent();
      for (const i of [1, 2]) await register(i, both(i));
      await until('two instances', async () => (await inDns()) === 2);
    });
    afterAll(() => agent?.stop());

    it('bring their numbers; without a name it is the default port', async () => {
      const { discovery, warnings } = discover(agent);
      const named = await discovery.resolve(name);
      const plain = await discovery.resolve('mp');
      seen(agent, 'a port by name', `${pairs(named)}, complete: ${named.complete}; without: ${pairs(plain)}`);
      expect([pairs(named), named.complete]).toEqual([['10.1.0.1:9001', '10.1.0.2:9002'], true]);
      expect(pairs(plain)).toEqual(['10.1.0.1:8001', '10.1.0.2:8002']);
      expect(pairs(await discovery.resolve(question))).toEqual(pairs(named));
      expect(warnings).toEqual([]);
    });

    it('that nobody has are an error that says so', async () => {
      const { code, message } = await errorOf(
        discover(agent).discovery.resolve({ service: 'mp', port: 'nope' }),
      );
      seen(agent, 'a port nobody has', `${code} ${message}`);
      expect([code, message]).toEqual(['ERR_SERVICE_NOT_FOUND', expect.stringContaining('"nope"')]);
    });

    it('that one instance lacks make Consul say NXDOMAIN: those that have it are found, and stay', async () => {
      await register(3, { Port: 7_003 });
      await until('three instances', async () => (await inDns()) === 3);
      const shown = { empty: 0, one: 0, two: 0 };
      for (let i = 0; i < 60; i++) {
        const { rcode, answers } = await replyOf(agent, question, 'SRV');
        expect(rcode).toBe('NXDOMAIN');
        shown[(['empty', 'one', 'two'] as const)[answers.length]!]++;
      }
      const { discovery, warnings } = discover(agent);
      const mp = discovery.service(name);
      const removed: string[] = [];
      mp.subscribe((_snapshot, change) => removed.push(...change.removed.map(({ address }) => address)));
      await mp.ready();
      const atFirst = mp.endpoints.length;
      let asks = 0;
      for (let refresh = 0; refresh < 50; refresh++) {
        await mp.refresh();
        asks += mp.snapshot.source?.asks ?? 0;
      }
      const { complete, stale } = mp.snapshot;
      seen(agent, 'one of three lacks the port', {
        repliesOf60: shown,
        atFirst,
        removedIn50: removed.length,
        asksEach: asks / 50,
        complete,
        warnings: warnings.map(({ code }) => code),
      });
      expect(mp.endpoints.map(({ address }) => address)).toEqual(['10.1.0.1:9001', '10.1.0.2:9002']);
      expect([removed, complete, stale]).toEqual([[], false, false]);
      expect(warnings.map(({ code }) => code)).toEqual(['PORT_MISSING']);
    });

    it('recover when all have it again', async () => {
      const { discovery } = discover(agent);
      const mp = discovery.service(name);
      await mp.ready();
      await register(3, both(3));
      await until('NOERROR', async () => (await replyOf(agent, question, 'SRV')).rcode === 'NOERROR');
      await mp.refresh();
      seen(
        agent,
        'all have the port again',
        `${mp.endpoints.map(({ address }) => address)}, complete: ${mp.snapshot.complete}`,
      );
      expect([mp.endpoints.length, mp.snapshot.complete]).toEqual([3, true]);
    });
  });
});
