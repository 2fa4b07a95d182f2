import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import {
  consulDns,
  createDiscovery,
  type DiscoveryOptions,
  type DiscoveryWarning,
  fastest,
  fixed,
  leastUsed,
  roundRobin,
} from '../src/index.ts';
import { createConsulDouble } from '../src/testing/consul-double.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { scriptedSource } from './scripted-source.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function discover(options: DiscoveryOptions = {}, env: NodeJS.ProcessEnv = {}): Discovery {
  const discovery = createDiscoveryIn({ env }, { source: scriptedSource(), ...options });
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

describe('services', () => {
  it('are one per canonical name', () => {
    const discovery = discover();
    const web = discovery.service('web');
    for (const name of ['WEB', 'web.service.consul', '_web._tcp.service.consul', { service: 'web' }]) {
      expect(discovery.service(name)).toBe(web);
    }
    expect(discovery.service('v1.web.service.consul')).not.toBe(web);
    expect(discovery.service({ service: 'web', tag: 'v1' })).toBe(discovery.service('v1.web.service.consul'));
    expect(discovery.service('web', { tag: 'v1' })).toBe(discovery.service('v1.web.service.consul'));
    expect(web.name).toBe('web.service.consul');
  });

  it('may have the name of anything', async () => {
    const services = JSON.parse('{ "constructor": { "tag": "a" }, "__proto__": { "tag": "b" } }');
    const discovery = discover({ services });
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      await discovery.service(name).ready();
      expect((await discovery.resolve(name)).addresses).toHaveLength(3);
    }
    expect(
      discovery
        .stats()
        .services.map(({ name }) => name)
        .toSorted(),
    ).toEqual([
      'a.constructor.service.consul',
      'b.__proto__.service.consul',
      'hasownproperty.service.consul',
      'tostring.service.consul',
    ]);
  });

  it('keep the options they were made with: other ones are an error, the same ones are not', () => {
    const discovery = discover();
    const web = discovery.service('web', { balancer: leastUsed() });
    expect(discovery.service('web', { balancer: 'least-used' })).toBe(web);
    expect(discovery.service('web')).toBe(web);
    expect(discovery.service('api')).toBe(
      discovery.service('api', { balancer: 'weighted-round-robin', family: 'any', maxInFlight: Infinity }),
    );
    expect(refusalOf(() => discovery.service('web', { balancer: 'fastest' }))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('exists with other options'),
    });
  });

  it('take their settings from the discovery, from `services`, and from the call, the nearest first', () => {
    const discovery = discover({
      balancer: 'least-used',
      datacenter: 'dc1',
      services: {
        web: { datacenter: 'dc2' },
        api: { tag: 'v2', balancer: { name: 'fastest', probe: { http: '/' } } },
      },
    });
    expect(discovery.service('db').name).toBe('db.service.dc1.consul');
    expect(discovery.service('web').name).toBe('web.service.dc2.consul');
    expect(discovery.service('api').name).toBe('v2.api.service.dc1.consul');
    expect(discovery.service('web', { datacenter: 'dc3' }).name).toBe('web.service.dc3.consul');
    expect(discovery.service('WEB').name).toBe('web.service.dc2.consul');
    expect(discovery.service('web.service.dc4.consul').name).toBe('web.service.dc4.consul');
    expect(refusalOf(() => discovery.service({ query: 'q' }, { tag: 'v1' })).message).toContain(
      'chooses its own tags',
    );
    expect(refusalOf(() => discovery.service('web.service.dc4.consul', { datacenter: 'dc5' })).code).toBe(
      'ERR_INVALID_NAME',
    );
  });

  it('are bounded by maxServices: the least recently used is closed, with a warning', async () => {
    const warnings: DiscoveryWarning[] = [];
    const clock = createFakeClock();
    const discovery = createDiscoveryIn(
      { clock },
      { source: scriptedSource(), maxServices: 2, onWarning: (warning) => warnings.push(warning) },
    );
    open.push(discovery);
    const [a, b] = [discovery.service('a'), discovery.service('b')];
    await Promise.all([a.ready(), b.ready()]);
    // "a" is asked for by nobody, but picked from: that is use too.
    for (let second = 0; second < 30; second++) {
      a.pick();
      await clock.advance(1_000);
    }
    discovery.service('b');
    for (let second = 0; second < 30; second++) {
      a.pick();
      await clock.advance(1_000);
    }
    discovery.service('c');
    expect(a.pick().port).toBe(80);
    expect(refusalOf(() => b.pick())).toMatchObject({
      code: 'ERR_CLOSED',
      message: expect.stringContaining('maxServices'),
    });
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'SERVICE_EVICTED', service: 'b.service.consul' }),
    ]);
    const left = discovery.stats().services.map(({ name }) => name);
    expect(left.sort()).toEqual(['a.service.consul', 'c.service.consul']);
    for (let i = 0; i < 50; i++) discovery.service(`more-${i}`);
    expect(warnings).toHaveLength(1);
  });
});

describe('resolve', () => {
  it('goes through the cache, and 200 at once are one question', async () => {
    const source = scriptedSource();
    const discovery = discover({ source });
    await Promise.all(Array.from({ length: 200 }, () => discovery.resolve('web')));
    await discovery.resolve('web');
    expect(source.asked).toHaveLength(1);
    const { addresses, complete } = await discovery.resolve('web', { fresh: true });
    expect([addresses.length, complete, source.asked.length]).toEqual([3, true, 2]);
  });

  it('asks Consul by default, at CONSUL_DNS_ADDR where that is set', async () => {
    const double = await createConsulDouble();
    open.push(double);
    double.register({ name: 'web', address: '10.1.0.1', port: 8080 });
    const discovery = createDiscoveryIn({ env: { CONSUL_DNS_ADDR: double.dnsAddress } });
    open.push(discovery);
    const { addresses, origin } = await discovery.resolve('web');
    expect(addresses).toMatchObject([{ host: '10.1.0.1', port: 8080 }]);
    expect(origin?.server).toBe(double.dnsAddress);
    expect(discovery.stats().dns.sent).toBe(1);
  });

  it('takes any resolver as source', async () => {
    const discovery = discover({ source: fixed(['10.0.0.1:80', '[::1]:81']) });
    const web = discovery.service('whatever');
    await web.ready();
    expect(web.endpoints.map(({ address }) => address)).toEqual(['10.0.0.1:80', '[::1]:81']);
  });
});

describe('closing', () => {
  it('ends everything: services, waiters, and later calls', async () => {
    const source = scriptedSource();
    const discovery = discover({ source });
    const web = discovery.service('web');
    source.hold();
    const waiting = discovery.resolve('other').catch((error) => error);
    const ready = web.ready().catch((error) => error);
    await discovery.close();
    await discovery.close();
    expect((await ready).code).toBe('ERR_CLOSED');
    expect(await waiting).toBeInstanceOf(Error);
    for (const act of [() => web.pick(), () => discovery.service('web')])
      expect(refusalOf(act).code).toBe('ERR_CLOSED');
    await expect(discovery.resolve('web')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('is over for each who closes it only when it is', async () => {
    let finish = () => {};
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const discovery = discover({ source: { ...scriptedSource(), close: () => slow } });
    await discovery.service('web').ready();
    let over = 0;
    const closings = [discovery.close(), discovery.close()].map((closing) => closing.then(() => over++));
    await new Promise((resolve) => setImmediate(resolve));
    expect(over).toBe(0);
    finish();
    await Promise.all(closings);
  });

  it('is what `await using` does', async () => {
    const discovery = discover();
    const web = discovery.service('web');
    await discovery[Symbol.asyncDispose]();
    expect(refusalOf(() => web.pick()).code).toBe('ERR_CLOSED');
  });
});

describe('bad options are refused before a packet is sent', () => {
  it.each<[unknown, string]>([
    [{ colour: 'red' }, 'unknown option "colour"; known are'],
    ['127.0.0.1:8600', 'expected an object, got "127.0.0.1:8600"'],
    [{ servers: '127.0.0.1:8600' }, "servers: expected a list like ['127.0.0.1:8600']"],
    [{ servers: [] }, 'expected a list'],
    [{ servers: ['127.0.0.1:99999'] }, 'servers[0]: "127.0.0.1:99999" is not a server address'],
    [{ servers: ['999.0.0.1:8600'] }, 'is not a server address'],
    [{ domain: 'not a domain' }, "domain: expected a DNS domain like 'consul'"],
    [{ records: 'TXT' }, 'records: expected "SRV" or "A", got "TXT"'],
    [{ transport: 'quic' }, 'expected "auto" or "udp" or "tcp"'],
    [{ edns: 70_000 }, 'edns: expected a whole number from 512 to 65000, got 70000'],
    [{ timeout: '1s' }, 'timeout: expected a number from 1 to 60000, got "1s"'],
    [{ retries: -1 }, 'retries: expected a whole number from 0 to 10'],
    [{ retries: Number.NaN }, 'got NaN'],
    [{ ttl: { min: 10_000, max: 5_000 } }, 'min (10000 ms) is above max (5000 ms)'],
    [{ ttl: { minimum: 1 } }, 'ttl: unknown option "minimum"'],
    [{ hold: { empty: -1 } }, 'hold.empty: expected a number of at least 0'],
    [{ maxServices: 0 }, 'maxServices'],
    [{ onWarning: true }, 'onWarning: expected a function'],
    [{ source: {} }, 'source: expected an object with resolve()'],
    [{ port: 0 }, 'port: expected a whole number from 1 to 65535'],
    [{ family: 5 }, 'family: expected "any" or 4 or 6'],
    [{ balancer: 'least-usd' }, ', got "least-usd"'],
    [{ balancer: 'least-usd' }, '"least-used"'],
    [{ balancer: { name: 'round-robin', speed: 1 } }, 'unknown option "speed"'],
    [{ balancer: { name: 'fastest', interval: 10 } }, 'interval: expected a number from 1000'],
    [{ balancer: { name: 'fastest', probe: { http: 'no slash' } } }, "expected a path like '/health'"],
    [{ balancer: 7 }, "expected a strategy's name"],
    [{ services: { web: { balancer: 'nope' } } }, 'services.web.balancer'],
    [{ services: new Map([['web', {}]]) }, 'services: expected an object'],
    [{ services: { 'v1.web': {} } }, 'expected bare service names as keys'],
    [{ services: { web: { tag: 'a' }, WEB: { tag: 'b' } } }, 'expected each service once'],
    [{ source: fixed([]), servers: ['127.0.0.1:8600'] }, '`source` replaces that'],
    [{ services: { web: { colour: 'red' } } }, 'services.web: unknown option "colour"'],
  ])('%j', (options, words) => {
    expect(refusalOf(() => createDiscovery(options as DiscoveryOptions))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining(words),
    });
  });

  it('a name that could not be asked for, among those of `services`', () => {
    expect(refusalOf(() => createDiscovery({ services: { 'no such': {} } })).code).toBe('ERR_INVALID_NAME');
  });

  it('options of resolve()', async () => {
    const discovery = discover();
    for (const options of [{ fresh: 'yes' }, { signal: 1 }, { frsh: true }]) {
      await expect(discovery.resolve('web', options as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTION',
      });
    }
  });

  it('a bad CONSUL_DNS_ADDR is named as such, unless a source replaces it', () => {
    expect(() =>
      createDiscoveryIn({ env: { CONSUL_DNS_ADDR: 'x:y:z' } }, { source: fixed([]) }),
    ).not.toThrow();
    expect(refusalOf(() => createDiscoveryIn({ env: { CONSUL_DNS_ADDR: 'x:y:z' } })).message).toContain(
      'CONSUL_DNS_ADDR',
    );
  });

  it('a balancer without its methods', () => {
    const discovery = discover();
    const refusal = refusalOf(() =>
      discovery.service('web', { balancer: () => ({ pick: () => undefined }) as never }),
    );
    expect(refusal).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('without update()'),
    });
    expect(discovery.stats().services).toEqual([]);
  });

  it('records A without a port', async () => {
    const discovery = createDiscovery({ records: 'A' });
    open.push(discovery);
    expect(refusalOf(() => discovery.service('web')).message).toContain('give one as `port`');
    expect(discovery.service('web', { port: 80 }).name).toBe('web.service.consul');
    expect(refusalOf(() => consulDns({ records: 'A' })).code).toBe('ERR_INVALID_OPTION');
    expect(refusalOf(() => consulDns({ idle: 1 } as never)).message).toContain('unknown option "idle"');
  });

  it('addresses given by hand that are none', () => {
    expect(refusalOf(() => fixed('10.0.0.1:80' as never)).code).toBe('ERR_INVALID_OPTION');
    expect(refusalOf(() => fixed([{ host: '10.0.0.1', port: 80, weight: 'x' } as never])).code).toBe(
      'ERR_INVALID_OPTION',
    );
    for (const bad of [
      '10.0.0.1',
      'localhost:80',
      '10.0.0.1:0',
      '10.0.0.1:80000',
      '::1:80',
      { host: '10.0.0.1' },
    ]) {
      expect(refusalOf(() => fixed([bad])).code, String(bad)).toBe('ERR_INVALID_OPTION');
    }
  });
});

describe('a source of one’s own', () => {
  it('that answers nothing of use is named for it, and the asking goes on', async () => {
    for (const nonsense of [undefined, null, {}, { addresses: 'none' }]) {
      const discovery = discover({ source: { resolve: async () => nonsense as never }, onWarning: () => {} });
      await expect(discovery.service('web').ready()).rejects.toMatchObject({
        message: expect.stringContaining('source: resolve()'),
      });
      expect(discovery.stats().services[0]).toMatchObject({ failures: 1, nextRefresh: expect.any(Number) });
    }
  });

  it('is not asked for a family, so none is taken as if it were', () => {
    const discovery = discover({ source: fixed(['10.0.0.1:80']), services: { web: { family: 6 } } });
    expect(refusalOf(() => discovery.service('web'))).toMatchObject({
      code: 'ERR_INVALID_OPTION',
      message: expect.stringContaining('family: says how'),
    });
    expect(refusalOf(() => discovery.service('api', { family: 4 })).code).toBe('ERR_INVALID_OPTION');
    expect(discovery.service('api', { family: 'any', addresses: ['10.0.0.1:80'] }).name).toBe(
      'api.service.consul',
    );
  });

  it('is closed with the discovery', async () => {
    let closed = 0;
    const discovery = discover({ source: { ...fixed(['10.0.0.1:80']), close: () => void closed++ } });
    await discovery.service('web').ready();
    await discovery.close();
    expect(closed).toBe(1);
  });
});

describe('strategies', () => {
  it('are data: comparable, and as they could stand in a JSON file', () => {
    for (const description of [
      roundRobin(),
      leastUsed(),
      fastest({ tolerance: 0.5, probe: { http: '/health' } }),
    ]) {
      expect(JSON.parse(JSON.stringify(description))).toEqual(description);
      expect(discover({ balancer: description }).service('web').name).toBe('web.service.consul');
    }
  });

  it('may be a function of one’s own, made once per service', async () => {
    let made = 0;
    const discovery = discover({
      balancer: () => {
        made++;
        let last: ReturnType<import('../src/index.ts').Balancer['pick']>;
        return {
          update: ({ endpoints }) => {
            last = endpoints.at(-1);
          },
          pick: () => last,
        };
      },
    });
    const [a, b] = [discovery.service('a'), discovery.service('b')];
    await Promise.all([a.ready(), b.ready()]);
    expect([made, a.pick().host]).toEqual([2, '10.0.0.3']);
  });
});
