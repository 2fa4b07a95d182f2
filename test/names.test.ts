import { describe, expect, it } from 'vitest';
import { completeOptions } from '../src/complete-options.ts';
import type { ServiceName } from '../src/dns/name.ts';
import { Names } from '../src/names.ts';
import type { DiscoveryOptions, ServiceOptions } from '../src/options.ts';
import { fixed } from '../src/resolver/fixed.ts';

const named = (
  given: string | ServiceName,
  { discovery = {}, call }: { discovery?: DiscoveryOptions; call?: ServiceOptions } = {},
) => new Names(completeOptions(discovery, {})).understand(given, call);

const refusal = (act: () => unknown): { code?: string; message: string } => {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('was accepted');
};

describe('a name and its options', () => {
  it.each<[string | ServiceName, ServiceOptions, string]>([
    ['web', { tag: 'v1', datacenter: 'dc2' }, 'v1.web.service.dc2.consul'],
    ['web.service.admin.port.consul', { datacenter: 'dc2' }, 'web.service.admin.port.dc2.dc.consul'],
    [{ service: 'web', peer: 'p1' }, { tag: 'v1' }, 'v1.web.service.p1.peer.consul'],
    [{ connect: 'web' }, { datacenter: 'dc2' }, 'web.connect.dc2.consul'],
    [{ ingress: 'web' }, { datacenter: 'dc2' }, 'web.ingress.dc2.consul'],
    [{ query: 'q', ordered: true }, { datacenter: 'dc2' }, 'q.query.dc2.consul;ordered'],
    [{ node: 'n1' }, { datacenter: 'dc2', port: 80 }, 'n1.node.dc2.consul'],
    ['web.service.DC2.consul', { datacenter: 'dc2' }, 'web.service.dc2.consul'],
  ])('%j with %j is %s', (given, call, key) => {
    expect(named(given, { call }).key).toBe(key);
  });

  it.each<[string | ServiceName, ServiceOptions, string]>([
    [{ query: 'q' }, { tag: 'v1' }, 'chooses its own tags'],
    [{ connect: 'web' }, { tag: 'v1' }, 'Consul ignores tags in .connect names'],
    [{ ingress: 'web' }, { tag: 'v1' }, 'Consul ignores tags in .ingress names'],
    [{ virtual: 'web' }, { tag: 'v1', port: 80 }, 'stands for a whole service'],
    [{ virtual: 'web' }, { datacenter: 'dc2', port: 80 }, 'cannot be asked for the datacenter "dc2"'],
    [{ node: 'n1' }, { tag: 'v1', port: 80 }, 'A node has no tags'],
    [{ addr: '10.0.0.1' }, { datacenter: 'dc2', port: 80 }, 'cannot be asked for the datacenter "dc2"'],
    [{ service: 'web', peer: 'p1' }, { datacenter: 'dc2' }, 'It is asked for at the peer "p1"'],
  ])('%j cannot have %j', (given, call, words) => {
    const { code, message } = refusal(() => named(given, { call }));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain(words);
  });

  it('must agree where both say the same thing', () => {
    for (const call of [{ tag: 'v2' }, { datacenter: 'dc3' }]) {
      const { code, message } = refusal(() => named('v1.web.service.dc2.consul', { call }));
      expect(code).toBe('ERR_INVALID_NAME');
      expect(message).toMatch(/is "(v1|dc2)" in the name and "(v2|dc3)" in the options/);
    }
  });
});

describe('the defaults of a discovery', () => {
  const discovery = { tag: 'v1', datacenter: 'dc2' };

  it.each<[string | ServiceName, string]>([
    ['web', 'v1.web.service.dc2.consul'],
    [{ service: 'web', tag: 'v2', datacenter: 'dc3' }, 'v2.web.service.dc3.consul'],
    [{ service: 'web', peer: 'p1' }, 'v1.web.service.p1.peer.consul'],
    ['q.query.consul', 'q.query.dc2.consul'],
    [{ node: 'n1' }, 'n1.node.dc2.consul'],
    [{ node: 'n1', peer: 'p1' }, 'n1.node.p1.peer.consul'],
    [{ addr: '10.0.0.1' }, '0a000001.addr.consul'],
  ])('apply to %j as far as they mean something: %s', (given, key) => {
    expect(named(given, { discovery: { ...discovery, port: 80 } }).key).toBe(key);
  });

  it.each<[ServiceName, DiscoveryOptions]>([
    [{ connect: 'web' }, { tag: 'v1' }],
    [{ ingress: 'web' }, { tag: 'v1' }],
    [{ virtual: 'web' }, { tag: 'v1', port: 80 }],
    [{ virtual: 'web' }, { datacenter: 'dc2', port: 80 }],
  ])('are not silently dropped where Consul would ignore them: %j with %j', (given, defaults) => {
    const { code, message } = refusal(() => named(given, { discovery: defaults }));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain('is a setting of this discovery: use another');
  });

  it('hold per service under the bare name, whatever of it is asked for', () => {
    const discovery = { services: { web: { balancer: 'least-used' } } } as const;
    const names = [
      'web',
      'v1.web.service.dc2.consul',
      { query: 'Web' },
      { connect: 'web' },
      { ingress: 'WEB' },
      'web.virtual.consul',
      'web.node.dc2.consul',
    ];
    for (const given of names) {
      expect([given, named(given, { discovery, call: { port: 80 } }).settings.balancer]).toEqual([
        given,
        { name: 'least-used' },
      ]);
    }
    expect(named('v1.other.service.consul', { discovery }).settings.balancer).toEqual({
      name: 'weighted-round-robin',
    });
  });
});

describe('what has no port in DNS', () => {
  const hosts = ['n1.node.consul', 'web.virtual.consul', '7f000001.addr.consul'];

  it.each(hosts)('%s needs one to become a service', (given) => {
    const { code, message } = refusal(() => named(given));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain(`${given}: DNS knows no port`);
    expect(named(given, { call: { port: 5432 } }).settings.port).toBe(5432);
    expect(named(given, { discovery: { port: 5432 } }).settings.port).toBe(5432);
  });

  it('is asked for once without, also by a discovery that has shown it before', () => {
    for (const records of ['SRV', 'A'] as const) {
      const names = new Names(completeOptions({ records }, {}));
      for (const given of hosts) {
        expect(names.understand(given, undefined, 'once').key).toBe(given);
        expect(refusal(() => names.understand(given)).code).toBe('ERR_INVALID_OPTION');
      }
    }
  });

  it('is not ours to judge where something else than Consul resolves', () => {
    const discovery = { source: fixed(['10.0.0.1:80']) };
    expect(named('n1.node.consul', { discovery }).key).toBe('n1.node.consul');
  });

  it('a named port is not to be had from A records, where Consul would ignore it', () => {
    const discovery = { records: 'A', port: 80 } as const;
    const { code, message } = refusal(() => named({ service: 'web', port: 'admin' }, { discovery }));
    expect(code).toBe('ERR_INVALID_OPTION');
    expect(message).toContain('Consul ignores port names in questions for addresses');
  });
});
