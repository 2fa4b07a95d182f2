import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Consul, consulHttp, createConsul } from '../../src/consul/index.ts';
import { createDiscovery, type Discovery, type DiscoveryOptions } from '../../src/index.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { resolverContract } from '../../src/testing/resolver-contract.ts';
import { bundle } from './registration/bundle.ts';
import { Child } from './registration/child.ts';

for (const version of ['1.8.7', '1.22.7'] as const) {
  resolverContract(
    `consulHttp, on the double of ${version},`,
    async () => {
      const double = await createConsulDouble({ version });
      const consul = createConsul({ address: double.httpAddress });
      return {
        resolver: consulHttp(consul),
        async register({ weight = 1, ...instance }) {
          const weights = { passing: weight, warning: weight };
          const registered = double.register({ ...instance, weights });
          return async () => registered.deregister();
        },
        async close() {
          await consul.close();
          await double.close();
        },
      };
    },
    { describe, it, expect },
  );
}

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function world(options: DiscoveryOptions = {}) {
  const double = await createConsulDouble();
  const consul: Consul = createConsul({ address: double.httpAddress });
  const warnings: string[] = [];
  const discovery: Discovery = createDiscovery({
    source: consulHttp(consul),
    onWarning: ({ code }) => void warnings.push(code),
    ...options,
  });
  closings.push(
    () => double.close(),
    () => consul.close(),
    () => discovery.close(),
  );
  return { double, consul, discovery, warnings };
}

/** Resolves with the list's addresses at the next change. */
function next(discovery: Discovery, name: string): Promise<string[]> {
  return new Promise((resolve) => {
    const stop = discovery.service(name).subscribe(({ endpoints }) => {
      stop();
      resolve(endpoints.map(({ address }) => address));
    });
  });
}

const watches = ({ requests }: ConsulDouble) =>
  requests.filter(({ query }) => query.has('index')).map(({ query }) => query.get('wait'));

describe('a discovery by consulHttp, on the double', () => {
  it('sees instances come, change and go as it happens', async () => {
    const { double, discovery } = await world();
    const one = double.register({
      name: 'web',
      address: '10.0.0.1',
      port: 80,
      weights: { passing: 4, warning: 2 },
    });
    await discovery.service('web').ready();
    const second = next(discovery, 'web');
    const two = double.register({ name: 'web', address: '10.0.0.2', port: 80, meta: { zone: 'a' } });
    expect(await second).toEqual(['10.0.0.1:80', '10.0.0.2:80']);
    expect(discovery.service('web').endpoints[1]?.meta).toEqual({ zone: 'a' });
    const warned = next(discovery, 'web');
    one.setStatus('warning');
    await warned;
    expect(discovery.service('web').endpoints[0]?.weight).toBe(2);
    const gone = next(discovery, 'web');
    two.setStatus('critical');
    expect(await gone).toEqual(['10.0.0.1:80']);
    expect(new Set(watches(double))).toEqual(new Set(['240000ms']));
  });

  it('is answered without a leader', async () => {
    const { double, discovery } = await world();
    double.register({ name: 'web', address: '10.0.0.1', port: 80 });
    double.http.leader(false);
    await discovery.service('web').ready();
    expect(discovery.service('web').pick().host).toBe('10.0.0.1');
  });

  it('keeps its list while connections break, and watches again', async () => {
    const { double, discovery } = await world();
    double.register({ name: 'web', address: '10.0.0.1', port: 80 });
    const web = discovery.service('web');
    await web.ready();
    await expect.poll(() => watches(double).length).toBe(1);
    double.http.disconnect();
    await expect.poll(() => watches(double).length).toBe(2);
    const second = next(discovery, 'web');
    double.register({ name: 'web', address: '10.0.0.2', port: 80 });
    expect(await second).toHaveLength(2);
  });

  it('keeps a service of the network apart from one of the machine: nothing is asked for an address', async () => {
    const { double, discovery } = await world();
    await expect(discovery.service('n1.node.consul').ready()).rejects.toMatchObject({
      code: 'ERR_INVALID_NAME',
    });
    expect(double.requests).toEqual([]);
  });

  it('has one watch for each service in use, and none after close()', async () => {
    const { double, discovery, consul } = await world();
    for (const name of ['a', 'b', 'c']) {
      double.register({ name, address: '10.0.0.1', port: 80 });
      await discovery.service(name).ready();
    }
    await expect.poll(() => watches(double).length).toBe(3);
    await discovery.close();
    // The client is somebody else's, who may go on with it.
    expect((await consul.instances('a')).instances).toHaveLength(1);
    double.clearRequests();
    for (const name of ['a', 'b', 'c']) double.register({ name, address: '10.0.0.2', port: 80 });
    await consul.datacenters();
    expect(double.requests).toHaveLength(1);
  });

  it('ends with the client: that is an error that says so, and the lists stand', async () => {
    const { double, discovery, consul, warnings } = await world();
    double.register({ name: 'web', address: '10.0.0.1', port: 80 });
    const web = discovery.service('web');
    await web.ready();
    await consul.close();
    await expect(web.refresh()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect([web.pick().host, warnings]).toEqual(['10.0.0.1', ['CONSUL_UNAVAILABLE']]);
  });
});

describe('a process with watches', () => {
  let built: Awaited<ReturnType<typeof bundle>>;
  beforeAll(async () => {
    built = await bundle();
  }, 120_000);
  afterAll(() => built.remove());

  it('ends when there is nothing else to do, closed or not', async () => {
    const { double } = await world();
    double.register({ name: 'web', address: '10.0.0.1', port: 80 });
    for (const last of ['', 'await discovery.close(); await consul.close();']) {
      double.clearRequests();
      const child = new Child(`
        import { createConsul, consulHttp } from ${JSON.stringify(built.url('consul'))};
        const consul = createConsul({ address: ${JSON.stringify(double.httpAddress)} });
        const discovery = consul.discovery({ source: consulHttp(consul) });
        const web = discovery.service('web');
        await web.ready();
        const found = await consul.instances('web');
        console.log('found', web.pick().host, found.instances.length);
        process.stdin.unref();
        ${last}`);
      expect(await child.says('found')).toBe('10.0.0.1 1');
      expect(await child.ended()).toEqual([0, null]);
      expect(child.errors).toBe('');
    }
  });
});
