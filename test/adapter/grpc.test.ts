import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerConsulResolver } from '../../src/adapter/grpc.ts';
import { notFound, unreachable } from '../scripted-source.ts';
import {
  closeClients,
  closeServers,
  type EchoServer,
  echoClient,
  echoServer,
  untilAllAnswer,
  versions,
} from './grpc-servers.ts';
import { closeWorlds, listOf, world } from './grpc-world.ts';

afterEach(async () => {
  closeClients();
  await closeWorlds();
  await closeServers();
});

const interval = 10_000;
const [, installed] = versions.at(-1)!;
const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));

describe('the grpc-js that is installed beside the package', () => {
  it('is used without being given, and is the same however it is imported', async () => {
    const server = await echoServer(installed);
    const { discovery } = world(listOf(server));
    registerConsulResolver(discovery);
    registerConsulResolver(discovery, { grpc: await import('@grpc/grpc-js') });
    expect(await echoClient(installed, 'consul:///web').say()).toBe(server.port);
    expect(() => registerConsulResolver(world().discovery)).toThrow('another discovery');
  });

  it('is shared by two copies of this package', async () => {
    const servers = [await echoServer(installed), await echoServer(installed)];
    vi.resetModules();
    const copy = await import('../../src/adapter/grpc.ts');
    expect(copy.registerConsulResolver).not.toBe(registerConsulResolver);
    registerConsulResolver(world(listOf(servers[0]!)).discovery);
    copy.registerConsulResolver(world(listOf(servers[1]!)).discovery, { name: 'copy' });
    expect(await echoClient(installed, 'consul:///web').say()).toBe(servers[0]!.port);
    expect(await echoClient(installed, 'consul://copy/web').say()).toBe(servers[1]!.port);
  });
});

describe.each(versions)('a channel of grpc-js %s', (_version, grpc) => {
  const echoServers = (count: number) => Promise.all(Array.from({ length: count }, () => echoServer(grpc)));
  const callsOf = (servers: readonly EchoServer[]) => servers.map(({ calls }) => calls);
  const acceptedBy = (servers: readonly EchoServer[]) => servers.map(({ accepted }) => accepted);

  it('calls every instance in turn, though nobody says a policy', async () => {
    const servers = await echoServers(3);
    const { discovery } = world(listOf(...servers));
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    await untilAllAnswer(client, servers);
    const before = callsOf(servers);
    for (let i = 0; i < 9; i++) await client.say();
    expect(callsOf(servers).map((calls, i) => calls - before[i]!)).toEqual([3, 3, 3]);
    expect(acceptedBy(servers)).toEqual([1, 1, 1]);
  });

  it('grows from 2 to 4 and shrinks to 1 under load: no call fails, and who stays keeps its connection', async () => {
    const servers = await echoServers(4);
    const [a, b, c, d] = servers as [EchoServer, EchoServer, EchoServer, EchoServer];
    const { discovery, source, clock } = world(listOf(a, b));
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    let running = true;
    let calls = 0;
    const failures: unknown[] = [];
    const load = Array.from({ length: 8 }, async () => {
      while (running) {
        await client.say().catch((error) => failures.push(error));
        calls++;
      }
    });
    try {
      for (const now of [[a, b], [a, b, c, d], [a, b, c, d], [b]]) {
        source.answer = listOf(...now);
        await clock.advance(interval);
        await untilAllAnswer(client, now);
      }
    } finally {
      running = false;
      await Promise.all(load);
    }
    expect(failures).toEqual([]);
    const before = callsOf(servers);
    for (let i = 0; i < 20; i++) expect(await client.say()).toBe(b.port);
    expect(calls).toBeGreaterThan(20);
    expect(callsOf([a, c, d])).toEqual([before[0], before[2], before[3]]);
    expect(acceptedBy(servers)).toEqual([1, 1, 1, 1]);
  });

  it('lets a stream go on where the instance left the list', async () => {
    const [a, b] = (await echoServers(2)) as [EchoServer, EchoServer];
    const { discovery, source, clock } = world(listOf(a));
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    const seen: number[] = [];
    for await (const port of client.count(40)) {
      seen.push(port);
      if (seen.length === 5) {
        source.answer = listOf(b);
        await clock.advance(interval);
        await untilAllAnswer(client, [b]);
      }
    }
    expect(seen).toEqual(Array(40).fill(a.port));
  });

  it('fails fast where there is no such service, and recovers as soon as there is', async () => {
    const server = await echoServer(grpc);
    const { discovery, source, clock } = world(notFound());
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    const patient = client.say({ waitForReady: true });
    for (let i = 0; i < 3; i++) {
      await expect(client.say()).rejects.toMatchObject({
        code: grpc.status.UNAVAILABLE,
        details: 'consul:///web: ERR_SERVICE_NOT_FOUND: web.service.consul: NXDOMAIN',
      });
    }
    source.answer = listOf(server);
    await clock.advance(interval);
    expect(await patient).toBe(server.port);
    expect(await client.say()).toBe(server.port);
  });

  it('never holds calls while there is an error, however often it asks again by itself', async () => {
    const { discovery } = world(notFound());
    registerConsulResolver(discovery, { grpc });
    const soon = { 'grpc.initial_reconnect_backoff_ms': 20, 'grpc.max_reconnect_backoff_ms': 20 };
    const client = echoClient(grpc, 'consul:///web', soon);
    const until = performance.now() + 200;
    while (performance.now() < until) {
      await expect(client.say({ within: 5_000 })).rejects.toMatchObject({
        code: 14,
        details: expect.stringContaining('NXDOMAIN'),
      });
    }
  });

  it.each([
    ['round_robin', undefined],
    ['pick_first', { pick_first: {} }],
    [
      'outlier_detection',
      { outlier_detection: { failure_percentage_ejection: {}, child_policy: [{ round_robin: {} }] } },
    ],
  ])(
    'with %s takes a list that became empty for an error, and the next one for a list',
    async (_, policy) => {
      const [a, b] = (await echoServers(2)) as [EchoServer, EchoServer];
      const { discovery, source, clock } = world(listOf(a), { hold: { empty: 0 } });
      const serviceConfig = policy && { loadBalancingConfig: [policy] };
      registerConsulResolver(discovery, { grpc, ...(serviceConfig && { serviceConfig }) });
      const client = echoClient(grpc, 'consul:///web');
      expect(await client.say()).toBe(a.port);
      for (const [next, before] of [
        [b, a],
        [a, b],
      ] as const) {
        source.answer = notFound();
        await clock.advance(interval);
        const { calls } = before;
        for (let i = 0; i < 3; i++) {
          await expect(client.say()).rejects.toMatchObject({
            code: 14,
            details: expect.stringContaining('ERR_SERVICE_NOT_FOUND'),
          });
        }
        expect(before.calls).toBe(calls);
        source.answer = listOf(next);
        await clock.advance(interval);
        expect(await client.say({ waitForReady: true })).toBe(next.port);
        expect(await client.say()).toBe(next.port);
      }
    },
  );

  it('keeps its list and its connections while nobody answers', async () => {
    const server = await echoServer(grpc);
    const { discovery, source, clock } = world(listOf(server));
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    await client.say();
    source.answer = unreachable();
    await clock.advance(60_000);
    expect(await client.say()).toBe(server.port);
    expect(server.accepted).toBe(1);
  });

  it('asks for a newer list when a connection breaks, and calls the others meanwhile', async () => {
    const servers = await echoServers(2);
    const [a, b] = servers as [EchoServer, EchoServer];
    const { discovery, source } = world(listOf(a, b), { ttl: { min: 60_000 } });
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    await untilAllAnswer(client, servers);
    // round_robin of 1.12 and 1.13 asks when its first connection breaks, as that of 1.14.
    await a.crash();
    await expect.poll(() => client.say().catch(() => 0)).toBe(b.port);
    await b.crash();
    await expect.poll(() => source.asked.length).toBeGreaterThan(1);
    for (let i = 0; i < 50; i++) await expect(client.say()).rejects.toMatchObject({ code: 14 });
    expect(source.asked.length).toBeLessThan(4);
    await a.restart();
    expect(await client.say({ waitForReady: true })).toBe(a.port);
  });

  it('asks for the tag in its target, and calls only those', async () => {
    const servers = await echoServers(2);
    const [v1, v2] = servers as [EchoServer, EchoServer];
    const { discovery, source, names } = world();
    source.resolve = async (name) => ({
      ...listOf('tag' in name && name.tag === 'v1' ? v1 : v2),
      ttl: 10_000,
      complete: true,
    });
    registerConsulResolver(discovery, { grpc });
    expect(await echoClient(grpc, 'consul:///web?tag=v1').say()).toBe(v1.port);
    expect(await echoClient(grpc, 'consul:///v2.web.service.consul').say()).toBe(v2.port);
    expect(names).toEqual([
      { service: 'web', tag: 'v1' },
      { service: 'web', tag: 'v2' },
    ]);
  });

  it('finds each discovery by its name', async () => {
    const [a, b] = (await echoServers(2)) as [EchoServer, EchoServer];
    registerConsulResolver(world(listOf(a)).discovery, { grpc });
    registerConsulResolver(world(listOf(b)).discovery, { grpc, name: 'dc2' });
    expect(await echoClient(grpc, 'consul:///web').say()).toBe(a.port);
    expect(await echoClient(grpc, 'consul:web').say()).toBe(a.port);
    expect(await echoClient(grpc, 'consul://dc2/web').say()).toBe(b.port);
  });

  it.each([
    ['consul:///web?tg=v1', 'Unknown key "tg"'],
    ['consul://web', 'A target has three slashes'],
    ['consul://dc3/web', 'No discovery is registered as "dc3"'],
  ])('is made for %s as well, and its calls say what is wrong', async (target, message) => {
    registerConsulResolver(world().discovery, { grpc });
    const client = echoClient(grpc, target);
    for (let i = 0; i < 3; i++) {
      await expect(client.say()).rejects.toMatchObject({
        code: 14,
        details: expect.stringContaining(`ERR_INVALID_NAME: ${message}`),
      });
    }
  });

  it('says so when the discovery is closed, lets calls under way end, and goes on with the next discovery', async () => {
    const [a, b] = (await echoServers(2)) as [EchoServer, EchoServer];
    const { discovery } = world(listOf(a));
    registerConsulResolver(discovery, { grpc });
    const client = echoClient(grpc, 'consul:///web');
    const seen: number[] = [];
    for await (const port of client.count(20)) {
      seen.push(port);
      if (seen.length !== 5) continue;
      await discovery.close();
      for (let i = 0; i < 3; i++) {
        await expect(client.say()).rejects.toMatchObject({
          code: 14,
          details: 'consul:///web: ERR_CLOSED: The discovery was closed.',
        });
      }
    }
    expect(seen).toEqual(Array(20).fill(a.port));
    registerConsulResolver(world(listOf(b)).discovery, { grpc });
    expect(await client.say({ waitForReady: true })).toBe(b.port);
  });

  it('ejects an instance whose calls fail, where outlier_detection is asked for', async () => {
    const servers = await echoServers(3);
    const { discovery, source, clock } = world(listOf(...servers));
    registerConsulResolver(discovery, {
      grpc,
      serviceConfig: {
        loadBalancingConfig: [
          {
            outlier_detection: {
              interval: { seconds: 0, nanos: 100_000_000 },
              max_ejection_percent: 50,
              failure_percentage_ejection: { threshold: 50, minimum_hosts: 3, request_volume: 5 },
              child_policy: [{ round_robin: {} }],
            },
          },
        ],
      },
    });
    const client = echoClient(grpc, 'consul:///web');
    await untilAllAnswer(client, servers);
    const [bad] = servers as [EchoServer];
    bad.failing = grpc.status.INTERNAL;
    const answersOnly = async () => {
      let failed = 0;
      for (let i = 0; i < 30; i++) await client.say().catch(() => failed++);
      return failed;
    };
    await expect.poll(answersOnly, { timeout: 10_000 }).toBe(0);
    // Still so when the list comes again with one more.
    const more = await echoServer(grpc);
    source.answer = listOf(...servers, more);
    await clock.advance(interval);
    await untilAllAnswer(client, [more]);
    expect(await answersOnly()).toBe(0);
    expect(acceptedBy([...servers, more])).toEqual([1, 1, 1, 1]);
  });

  it("heeds the channel's own service config before that of the registration", async () => {
    const servers = await echoServers(3);
    const { discovery } = world(listOf(...servers));
    const retries = (maxAttempts: number) => ({
      methodConfig: [
        {
          name: [{}],
          timeout: '5.5s',
          retryPolicy: {
            maxAttempts,
            initialBackoff: '0.01s',
            maxBackoff: '0.01s',
            backoffMultiplier: 1,
            retryableStatusCodes: ['ABORTED'],
          },
        },
      ],
    });
    registerConsulResolver(discovery, { grpc, serviceConfig: retries(2) });
    const own = (config: object) => ({ 'grpc.service_config': JSON.stringify(config) });
    const sum = () => callsOf(servers).reduce((all, one) => all + one, 0);
    const usual = echoClient(grpc, 'consul:///web');
    const stubborn = echoClient(grpc, 'consul:///web', own(retries(3)));
    const sticky = echoClient(grpc, 'consul:///web', own({ loadBalancingConfig: [{ pick_first: {} }] }));
    const bare = echoClient(grpc, 'consul:///web', { 'grpc.service_config_disable_resolution': 1 });
    for (const client of [sticky, bare]) {
      const one = await client.say();
      for (let i = 0; i < 6; i++) expect(await client.say()).toBe(one);
    }
    // No policy in it: still in turn.
    for (const client of [usual, stubborn]) await untilAllAnswer(client, servers);
    for (const server of servers) server.failing = grpc.status.ABORTED;
    for (const [client, attempts] of [
      [usual, 2],
      [stubborn, 3],
      [sticky, 1],
      [bare, 1],
    ] as const) {
      const before = sum();
      await expect(client.say()).rejects.toMatchObject({ code: grpc.status.ABORTED });
      expect(sum() - before).toBe(attempts);
    }
  });

  it('heeds the timeouts per method', async () => {
    const server = await echoServer(grpc);
    const methodConfig = [{ name: [{ service: 'test.Echo', method: 'Say' }], timeout: '0.20s' }];
    registerConsulResolver(world(listOf(server)).discovery, { grpc, serviceConfig: { methodConfig } });
    const client = echoClient(grpc, 'consul:///web');
    await client.say({ waitForReady: true }).catch(() => {});
    server.failing = -1;
    const began = performance.now();
    await expect(client.say()).rejects.toMatchObject({ code: grpc.status.DEADLINE_EXCEEDED });
    const elapsed = performance.now() - began;
    expect(elapsed).toBeGreaterThan(150);
    expect(elapsed).toBeLessThan(5_000);
  });

  it.each([
    [{ methodConfig: [{ name: 'x' }] }, 'invalid name array'],
    [{ loadBalancingConfig: [{ no_such_policy: {} }] }, 'no_such_policy'],
    [{ loadBalancingConfig: [{ outlier_detection: { child_policy: 'x' } }] }, 'outlier'],
  ])('has the service config checked at the registration: %j', (serviceConfig, message) => {
    expect(() => registerConsulResolver(world().discovery, { grpc, serviceConfig })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringMatching(
          new RegExp(`^registerConsulResolver.serviceConfig: .*${message}`, 'i'),
        ),
      }),
    );
  });

  it("calls the service by its name, or as grpc's own option says", async () => {
    const server = await echoServer(grpc);
    registerConsulResolver(world(listOf(server)).discovery, { grpc });
    for (const [target, options] of [
      ['consul:///web', {}],
      ['consul:///web?tag=v1', {}],
      ['consul:///v1.web.service.consul', {}],
      [`consul:///x.node.consul:${server.port}`, {}],
      ['consul:///web', { 'grpc.default_authority': 'api.example.org' }],
    ] as const) {
      await echoClient(grpc, target, options).say();
    }
    expect(server.authorities).toEqual([
      'web.service.consul',
      'web.service.consul',
      'v1.web.service.consul',
      `x.node.consul:${server.port}`,
      'api.example.org',
    ]);
  });

  it("asks certificates for the service's name, or as grpc's own option says", async () => {
    const of = (name: string) =>
      grpc.ServerCredentials.createSsl(null, [{ private_key: pem(`${name}-key`), cert_chain: pem(name) }]);
    const [web, other] = [await echoServer(grpc, of('web')), await echoServer(grpc, of('other'))];
    registerConsulResolver(world(listOf(web)).discovery, { grpc });
    registerConsulResolver(world(listOf(other)).discovery, { grpc, name: 'other' });
    const secure = () => grpc.credentials.createSsl(pem('ca'));
    expect(await echoClient(grpc, 'consul:///web', {}, secure()).say()).toBe(web.port);
    expect(await echoClient(grpc, 'consul:///web?tag=v1', {}, secure()).say()).toBe(web.port);
    await expect(echoClient(grpc, 'consul://other/web', {}, secure()).say()).rejects.toMatchObject({
      code: 14,
    });
    const override = { 'grpc.ssl_target_name_override': 'other.service.consul' };
    expect(await echoClient(grpc, 'consul://other/web', override, secure()).say()).toBe(other.port);
  });
});
