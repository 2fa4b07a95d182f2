import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type {
  DiscoveryOptions,
  DiscoveryWarning,
  Resolver,
  ServiceName,
  ServiceOptions,
} from '../src/index.ts';
import { createConsulDouble } from '../src/testing/consul-double.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { scriptedSource, unreachable } from './scripted-source.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function discover(options: DiscoveryOptions = {}): Discovery {
  const discovery = createDiscoveryIn(
    { clock: createFakeClock(), env: {} },
    { onWarning: () => {}, ...options },
  );
  open.push(discovery);
  return discovery;
}

const refusalOf = (act: () => unknown): { code: string; message: string } => {
  try {
    act();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('was accepted');
};

const endpointsOf = async (discovery: Discovery, name: string | ServiceName, options?: ServiceOptions) => {
  const service = discovery.service(name, options);
  await service.ready();
  return service.endpoints.map(({ address }) => address);
};

describe('addresses', () => {
  it('stand in for Consul: no packet is sent', async () => {
    const double = await createConsulDouble();
    open.push(double);
    const discovery = discover({
      servers: [double.dnsAddress],
      services: JSON.parse('{ "web": { "addresses": ["10.0.0.1:8080", "[::1]:8081"] } }'),
    });
    expect(await endpointsOf(discovery, 'web')).toEqual(['10.0.0.1:8080', '[::1]:8081']);
    expect(await endpointsOf(discovery, 'v1.web.service.dc2.consul')).toHaveLength(2);
    expect(await endpointsOf(discovery, 'api', { addresses: ['10.0.0.2:80'] })).toEqual(['10.0.0.2:80']);
    expect(await discovery.resolve('web')).toMatchObject({ complete: true, origin: { server: 'fixed' } });
    expect(await discovery.resolve('WEB')).toBe(await discovery.resolve('web'));
    expect([double.queries.length, discovery.stats().dns.sent]).toEqual([0, 0]);
  });

  it('may stand in for all of a discovery, and for hosts, which need no port then', async () => {
    const discovery = discover({ addresses: ['127.0.0.1:3000'], records: 'A' });
    for (const name of ['web', 'api', 'x.node.consul', { query: 'nearest' }]) {
      expect(await endpointsOf(discovery, name)).toEqual(['127.0.0.1:3000']);
    }
  });

  it('are taken of the family that is asked for', async () => {
    const discovery = discover({ services: { web: { addresses: ['10.0.0.1:80', '[::1]:80'] } }, family: 6 });
    expect(await endpointsOf(discovery, 'web')).toEqual(['[::1]:80']);
    const refusal = refusalOf(() => discovery.service('api', { addresses: ['10.0.0.1:80'] }));
    expect(refusal).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('family 6'),
    });
    expect(discovery.stats().services.map(({ name }) => name)).toEqual(['web.service.consul']);
  });

  it('of one service stand in for a `source` too', async () => {
    const source = scriptedSource();
    const discovery = discover({ source, services: { web: { addresses: ['10.9.0.1:80'] } } });
    expect(await endpointsOf(discovery, 'web')).toEqual(['10.9.0.1:80']);
    expect(source.asked).toEqual([]);
  });

  it('are part of the options that a service has for good', () => {
    const discovery = discover();
    const web = discovery.service('web', { addresses: ['10.0.0.1:80'] });
    expect(discovery.service('web', { addresses: ['10.0.0.1:80'] })).toBe(web);
    expect(refusalOf(() => discovery.service('web', { addresses: ['10.0.0.2:80'] })).message).toContain(
      'exists with other options',
    );
  });
});

describe('datacenters', () => {
  async function world(options: DiscoveryOptions = {}) {
    const double = await createConsulDouble();
    open.push(double);
    double.register({ name: 'web', address: '10.1.0.1', port: 80, tags: ['v1'] });
    double.register({ name: 'web', address: '10.2.0.1', port: 80, tags: ['v1'], datacenter: 'dc2' });
    double.register({ name: 'web', address: '10.2.0.2', port: 80, datacenter: 'dc2' });
    double.register({ name: 'web', address: '10.3.0.1', port: 80, datacenter: 'dc3' });
    const discovery = createDiscoveryIn(
      { env: {} },
      { servers: [double.dnsAddress], onWarning: () => {}, ...options },
    );
    open.push(discovery);
    return { double, discovery };
  }

  it('make one list over several, by one question for each', async () => {
    const { double, discovery } = await world({ datacenters: ['DC2', 'dc1'] });
    expect(await endpointsOf(discovery, 'web')).toEqual(['10.1.0.1:80', '10.2.0.1:80', '10.2.0.2:80']);
    const web = discovery.service('web');
    expect(web.endpoints.map(({ datacenter }) => datacenter)).toEqual(['dc1', 'dc2', 'dc2']);
    expect(web.name).toBe('web.service.consul');
    expect(double.queries.map(({ name }) => name.toLowerCase()).sort()).toEqual([
      'web.service.dc1.consul',
      'web.service.dc2.consul',
    ]);
    await web.refresh();
    expect(double.queries).toHaveLength(4);
    expect(await endpointsOf(discovery, { service: 'web', tag: 'v1' })).toEqual([
      '10.1.0.1:80',
      '10.2.0.1:80',
    ]);
  });

  it('share one cache with services that name one of them', async () => {
    const { double, discovery } = await world();
    await discovery.service('web', { datacenters: ['dc1', 'dc2'] }).ready();
    expect((await discovery.resolve('web.service.dc2.consul')).addresses).toHaveLength(2);
    expect((await discovery.resolve('web')).addresses).toHaveLength(3);
    expect(double.queries).toHaveLength(2);
  });

  it('are asked for of a `source` as well', async () => {
    const names: ServiceName[] = [];
    const source = scriptedSource('ab');
    const noting: Resolver = {
      resolve(name, options) {
        names.push(name);
        return source.resolve(name, options);
      },
    };
    const discovery = discover({ source: noting, datacenters: ['dc1', 'dc2'] });
    expect(await endpointsOf(discovery, 'web')).toHaveLength(2);
    expect(names).toEqual([
      { service: 'web', datacenter: 'dc1' },
      { service: 'web', datacenter: 'dc2' },
    ]);
  });

  it('do not wait for ever where a `source` never answers for one of them', async () => {
    const clock = createFakeClock();
    const source = scriptedSource('ab');
    const warnings: DiscoveryWarning[] = [];
    const half: Resolver = {
      resolve: (name, options) =>
        'datacenter' in name && name.datacenter === 'dc2'
          ? new Promise(() => {})
          : source.resolve(name, options),
    };
    const discovery = createDiscoveryIn(
      { clock, env: {} },
      { source: half, datacenters: ['dc1', 'dc2'], onWarning: (warning) => void warnings.push(warning) },
    );
    open.push(discovery);
    const ready = discovery.service('web').ready();
    await clock.advance(5_000);
    await ready;
    expect(discovery.service('web').endpoints).toHaveLength(2);
    expect(warnings).toMatchObject([{ code: 'DATACENTER_UNAVAILABLE', datacenter: 'dc2' }]);
    expect(warnings[0]?.message).toMatch(
      /^dc2: no answer for web\.service\.consul; .* No answer within 5000 ms/,
    );
  });

  it('are overruled by a nearer word on where: the call, the service, the name, the discovery', async () => {
    const { discovery } = await world({
      datacenters: ['dc1', 'dc2'],
      services: {
        api: { datacenter: 'dc3' },
        db: { datacenters: ['dc3'] },
        fix: { addresses: ['10.9.0.1:80'] },
      },
    });
    expect(discovery.service('api').name).toBe('api.service.dc3.consul');
    expect(discovery.service('db').name).toBe('db.service.consul');
    expect(discovery.service('db', { datacenter: 'dc2' }).name).toBe('db.service.dc2.consul');
    expect(discovery.service('web.service.dc3.consul').name).toBe('web.service.dc3.consul');
    expect(await endpointsOf(discovery, 'web.service.dc3.consul')).toEqual(['10.3.0.1:80']);
    expect(await endpointsOf(discovery, 'fix')).toEqual(['10.9.0.1:80']);
    // A virtual address is asked for in no datacenter; given by hand it need not be.
    expect(await endpointsOf(discovery, 'fix.virtual.consul')).toEqual(['10.9.0.1:80']);
    const one = await world({ datacenter: 'dc3', addresses: ['10.9.0.1:80'] });
    expect(await endpointsOf(one.discovery, 'web', { datacenters: ['dc1'] })).toEqual(['10.1.0.1:80']);
    expect(await endpointsOf(one.discovery, 'web.service.dc3.consul')).toEqual(['10.9.0.1:80']);
  });

  it('say the same in any order and letter case', () => {
    const discovery = discover();
    const web = discovery.service('web', { datacenters: ['dc1', 'dc2'] });
    expect(discovery.service('web', { datacenters: ['DC2', 'dc1'] })).toBe(web);
    expect(refusalOf(() => discovery.service('web', { datacenters: ['dc1'] })).message).toContain(
      'exists with other options',
    );
  });

  it('mean nothing to an address, and are refused where the name already says where', () => {
    const discovery = discover({ datacenters: ['dc1', 'dc2'], port: 80 });
    expect(discovery.service('7f000001.addr.consul').name).toBe('7f000001.addr.consul');
    expect(discovery.service({ service: 'web', peer: 'other' }).name).toContain('other.peer');
    const refused: [string | ServiceName, string][] = [
      ['web.service.dc3.consul', 'ERR_INVALID_OPTION'],
      [{ service: 'web', peer: 'other' }, 'ERR_INVALID_OPTION'],
      ['7f000002.addr.consul', 'ERR_INVALID_OPTION'],
    ];
    for (const [name, code] of refused)
      expect(refusalOf(() => discovery.service(name, { datacenters: ['dc1'] })).code).toBe(code);
  });
});

describe('subset', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 1}:80`);

  it('keeps so many instances, the same for one key, others for another', async () => {
    const discovery = discover({ addresses: hundred });
    const ten = await endpointsOf(discovery, 'a', { subset: { size: 10, key: 'pod-7' } });
    expect(ten).toHaveLength(10);
    expect(await endpointsOf(discovery, 'b', { subset: { size: 10, key: 'pod-7' } })).toEqual(ten);
    expect(await endpointsOf(discovery, 'c', { subset: { size: 10, key: 'pod-8' } })).not.toEqual(ten);
  });

  it('has one key in a discovery where none is given: resolve() shows what a service uses', async () => {
    const discovery = discover({ addresses: hundred, subset: { size: 10 } });
    const used = await endpointsOf(discovery, 'web');
    await discovery.service('web').refresh();
    expect(discovery.service('web').endpoints.map(({ address }) => address)).toEqual(used);
    const { addresses } = await discovery.resolve('web');
    expect(addresses.map(({ host, port }) => `${host}:${port}`).sort()).toEqual([...used].sort());
    expect(await endpointsOf(discover({ addresses: hundred, subset: { size: 10 } }), 'web')).not.toEqual(
      used,
    );
  });

  it('shares the cache behind it', async () => {
    const source = scriptedSource('abcdef');
    const discovery = discover({ source });
    await discovery.service('web', { subset: { size: 2 } }).ready();
    expect((await discovery.resolve('web')).addresses).toHaveLength(2);
    expect(source.asked).toHaveLength(1);
  });
});

describe('lastGood', () => {
  it('keeps the lists over a restart while nobody answers, but not what was given by hand', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'last-good-'));
    open.push({ close: async () => rmSync(directory, { recursive: true }) });
    const lastGood = join(directory, 'lists.json');
    const before = discover({ source: scriptedSource('abc'), lastGood });
    expect(await endpointsOf(before, 'web')).toHaveLength(3);
    expect(await endpointsOf(before, 'api', { addresses: ['10.9.0.1:80'] })).toHaveLength(1);
    await before.close();
    const warnings: DiscoveryWarning[] = [];
    const after = discover({
      source: scriptedSource(unreachable()),
      lastGood: { file: lastGood, maxAge: 60_000 },
      onWarning: (warning) => void warnings.push(warning),
    });
    const web = after.service('web');
    await web.ready().catch(() => {});
    expect(web.endpoints.map(({ address }) => address)).toEqual([
      '10.0.0.1:80',
      '10.0.0.2:80',
      '10.0.0.3:80',
    ]);
    expect(web.snapshot.stale).toBe(true);
    await after
      .service('api')
      .ready()
      .catch(() => {});
    expect(after.service('api').endpoints).toEqual([]);
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE']);
  });
});

describe('closing', () => {
  it('closes a source that nobody has asked', async () => {
    let closed = 0;
    const discovery = discover({ source: { ...scriptedSource(), close: () => void closed++ } });
    await discovery.close();
    expect(closed).toBe(1);
  });
});

describe('bad options are refused, with a word on what to do', () => {
  it.each<[object, string]>([
    [{ datacenters: 'dc1' }, "datacenters: expected a list like ['dc1', 'dc2']"],
    [{ datacenters: [] }, 'datacenters: expected a list'],
    [{ datacenters: ['dc1', 'DC1'] }, 'expected each datacenter once'],
    [{ datacenters: ['dc1', 'no such'] }, 'datacenters[1]: '],
    [{ datacenters: [1] }, 'datacenters[0]: expected a non-empty string'],
    [{ datacenters: ['dc1'], datacenter: 'dc2' }, '`datacenters` and `datacenter` both say where'],
    [{ datacenters: ['dc1'], addresses: ['10.0.0.1:80'] }, '`datacenters` and `addresses` both say where'],
    [
      { services: { web: { datacenters: ['dc1'], datacenter: 'dc2' } } },
      'createDiscovery.services.web: `datacenters`',
    ],
    [{ addresses: '10.0.0.1:80' }, "addresses: expected a list like ['10.0.0.1:8080']"],
    [{ addresses: [] }, 'addresses: expected a list'],
    [
      { addresses: ['10.0.0.1:80', 'localhost:80'] },
      'createDiscovery.addresses[1]: "localhost:80" is not an address',
    ],
    [{ services: { web: { addresses: [{ host: '10.0.0.1', port: 80 }] } } }, 'services.web.addresses[0]'],
    [{ addresses: ['10.0.0.1:80'], source: scriptedSource() }, '`addresses` and `source` both say where'],
    [{ subset: { size: 0 } }, 'subset.size: expected a whole number from 1'],
    [{ subset: {} }, 'subset: expected a size, like { size: 20 }'],
    [{ subset: 5 }, 'subset: expected an object'],
    [{ lastGood: '' }, 'lastGood: expected a non-empty string'],
    [{ lastGood: {} }, "lastGood: expected a file, like { file: '"],
    [{ lastGood: { file: 'x', maxAge: 10 } }, 'lastGood.maxAge: expected a number of at least 1000'],
    [{ lastGood: true }, 'lastGood: expected an object'],
  ])('%j', (options, words) => {
    expect(refusalOf(() => discover(options))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(words),
    });
  });
});
