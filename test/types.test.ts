import { describe, expectTypeOf, it } from 'vitest';
import {
  type Attempt,
  type Balancer,
  createDiscovery,
  type Discovery,
  type DiscoveryError,
  type Endpoint,
  failover,
  fastest,
  filter,
  fixed,
  type Lease,
  leastUsed,
  merge,
  NoEndpointsError,
  type Resolution,
  type Resolver,
  RetriesExhaustedError,
  renamed,
  type Service,
  type ServiceSnapshot,
  split,
  subset,
} from '../src/index.ts';

/** Checked by the compiler (`npm run types`); nothing here is called. */
describe('types', () => {
  it('lead a user through the main job', () => {
    const program = async () => {
      const discovery = createDiscovery({ balancer: 'least-used', ttl: { min: 1_000 } });
      expectTypeOf(discovery).toEqualTypeOf<Discovery>();
      const web = discovery.service('web', { balancer: leastUsed() });
      expectTypeOf(web).toEqualTypeOf<Service>();
      expectTypeOf(web.ready).returns.toEqualTypeOf<Promise<void>>();
      expectTypeOf(web.pick()).toEqualTypeOf<Endpoint>();
      expectTypeOf(web.snapshot).toEqualTypeOf<ServiceSnapshot>();
      expectTypeOf(await discovery.resolve({ service: 'web', tag: 'v1' })).toEqualTypeOf<Resolution>();
      for await (const snapshot of web.watch())
        expectTypeOf(snapshot.endpoints).toEqualTypeOf<readonly Endpoint[]>();
      expectTypeOf(discovery.close).returns.toEqualTypeOf<Promise<void>>();
    };
    expectTypeOf(program).toBeFunction();
  });

  it('lead a user through leases, retries and reports', () => {
    const program = async (web: Service) => {
      const lease = web.acquire({ key: 'user 1', exclude: new Set(web.endpoints) });
      expectTypeOf(lease).toEqualTypeOf<Lease>();
      expectTypeOf(lease.endpoint).toEqualTypeOf<Endpoint>();
      lease.release({ ok: true, elapsed: 12 });
      const length = await web.run(
        async (endpoint, { signal, attempt }) => {
          expectTypeOf(endpoint).toEqualTypeOf<Endpoint>();
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
          expectTypeOf(attempt).toEqualTypeOf<number>();
          return 'text'.length;
        },
        { retries: 2, retryOn: (_error, { endpoint }) => endpoint.inFlight === 0, timeout: 1_000 },
      );
      expectTypeOf(length).toEqualTypeOf<number>();
      web.report(web.pick('user 1'), { ok: false });
      web.setBalancer({ name: 'peak-ewma', decay: 5_000 });
      expectTypeOf(web.available).toEqualTypeOf<readonly Endpoint[]>();
      expectTypeOf(new RetriesExhaustedError('', []).attempts).toEqualTypeOf<readonly Attempt[]>();
      createDiscovery({
        outlier: true,
        slowStart: 10_000,
        priorities: { zones: ['a'] },
        maxInFlight: 9,
        retryBudget: false,
      });
      createDiscovery({
        outlier: { panic: { use: 'none' } },
        services: { web: { slowStart: { window: 1_000 } } },
      });
    };
    expectTypeOf(program).toBeFunction();
  });

  it('refuse what cannot be', () => {
    const refused = (discovery: Discovery) => {
      // @ts-expect-error: there is no such option
      createDiscovery({ colour: 'red' });
      // @ts-expect-error: a name has a service or a query
      discovery.service({ tag: 'v1' });
      // @ts-expect-error: an outcome says whether it went well
      discovery.service('web').report(discovery.service('web').pick(), {});
      // @ts-expect-error: there are two ways out of a panic
      createDiscovery({ outlier: { panic: { use: 'some' } } });
      // @ts-expect-error: milliseconds are numbers
      fastest({ interval: '5s' });
      // @ts-expect-error: an endpoint is an identity
      discovery.service('web').pick().host = '10.0.0.1';
    };
    expectTypeOf(refused).toBeFunction();
  });

  it('let users make resolvers of resolvers', () => {
    const program = (consul: Resolver) => {
      const elsewhere = renamed(consul, { datacenter: 'dc2' });
      const all = [
        failover(consul, elsewhere),
        failover(consul, elsewhere, fixed(['10.0.0.1:80']), { hold: 1_000 }),
        merge(consul, { timeout: 500 }),
        merge(consul, elsewhere, fixed([]), { timeout: 500 }),
        split(consul, elsewhere, { share: 0.05, key: process.env['HOSTNAME'] }),
        subset(consul, { size: 20 }),
        filter(consul, ({ datacenter }) => datacenter === 'dc1'),
      ];
      expectTypeOf(all[0]!.close).returns.toEqualTypeOf<Promise<void>>();
      createDiscovery({
        source: all[0]!,
        datacenters: ['dc1', 'dc2'],
        subset: { size: 20, key: 'pod-7' },
        lastGood: { file: 'lists.json', maxAge: 60_000 },
        services: { web: { addresses: ['10.0.0.1:80'] } },
      });
      // @ts-expect-error: one alone has nobody to go over to
      failover(consul);
      // @ts-expect-error: options come last
      failover(consul, { hold: 1_000 }, elsewhere);
      // @ts-expect-error: a share is a number
      split(consul, elsewhere, { share: '5%' });
      // @ts-expect-error: a subset has a size
      subset(consul, { key: 'pod-7' });
      // @ts-expect-error: the predicate answers at once
      filter(consul, async () => true);
    };
    expectTypeOf(program).toBeFunction();
  });

  it('let users plug in their own', () => {
    const balancer: Balancer = { update() {}, pick: () => undefined };
    const resolver: Resolver = { resolve: async () => ({ addresses: [], ttl: 0, complete: true }) };
    const program = () => createDiscovery({ source: resolver, balancer: () => balancer });
    expectTypeOf(program).returns.toEqualTypeOf<Discovery>();
    expectTypeOf<NoEndpointsError>().toExtend<DiscoveryError>();
    expectTypeOf(NoEndpointsError).toBeConstructibleWith('nothing');
  });
});
