import { describe, expect, it } from 'vitest';
import type { GrpcModule, GrpcResolver, GrpcResolverConstructor } from '../../src/adapter/grpc/peer.ts';
import { registerConsulResolver } from '../../src/adapter/grpc.ts';
import type { Discovery } from '../../src/discovery.ts';
import { address, letterOf } from '../lists.ts';
import { notFound, unreachable } from '../scripted-source.ts';
import { world } from './grpc-world.ts';

type Heard = string;
const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A grpc-js that only keeps the resolver class, and channels that write down what they are told. */
function fakeGrpc(shape: 'methods' | 'function' | 'something else' = 'function') {
  let Resolver: GrpcResolverConstructor | undefined;
  const channel = (target: string, options: Record<string, unknown> = {}) => {
    const heard: Heard[] = [];
    const list = (endpoints: readonly { addresses: readonly { host: string }[] }[], policy: object) =>
      void heard.push(
        `${endpoints.map(({ addresses }) => letterOf(addresses[0]!.host)).join('')} ${Object.keys(policy)[0]}`,
      );
    const listeners = {
      // biome-ignore lint/suspicious/noExplicitAny: as grpc-js calls it
      function: (endpoints: any, attributes: object, config: any) => {
        expect(attributes).toEqual({});
        if (endpoints.ok) list(endpoints.value, config.value.loadBalancingConfig[0]);
        else heard.push(`error: ${endpoints.error.details}`);
      },
      methods: {
        // biome-ignore lint/suspicious/noExplicitAny: as grpc-js calls it
        onSuccessfulResolution: (endpoints: any, config: any) =>
          list(endpoints, config.loadBalancingConfig[0]),
        onError: ({ details }: { details: string }) => void heard.push(`error: ${details}`),
      },
      'something else': { onResult: () => {} },
    };
    const [, authority, path] = /^consul:\/\/([^/]*)\/(.*)$/.exec(target)!;
    const uri = { scheme: 'consul', authority: authority!, path: path! };
    const resolver: GrpcResolver = new Resolver!(uri, listeners[shape], options);
    return { resolver, heard };
  };
  const grpc = {
    Metadata: class {},
    credentials: { createInsecure: () => ({}) },
    Channel: class {
      constructor(target: string) {
        channel(target);
      }
      close() {}
    },
    experimental: {
      registerResolver: (scheme: string, given: GrpcResolverConstructor) => {
        expect(scheme).toBe('consul');
        Resolver = given;
      },
      parseLoadBalancingConfig: (config: object) => config,
    },
  };
  return { grpc: grpc as unknown as GrpcModule, channel };
}

function followed(answer: Parameters<typeof world>[0], options: Parameters<typeof world>[1] = {}) {
  const all = world(answer, options);
  const { grpc, channel } = fakeGrpc();
  registerConsulResolver(all.discovery, { grpc });
  return { ...all, grpc, channel, ...channel('consul:///web') };
}

describe.each(['methods', 'function'] as const)('a channel that listens by %s', (shape) => {
  it('is told lists and errors, and of an empty list in a way that it heeds', async () => {
    const { discovery, source, clock } = world(notFound(), { hold: { empty: 0 } });
    const { grpc, channel } = fakeGrpc(shape);
    registerConsulResolver(discovery, { grpc });
    const { resolver, heard } = channel('consul:///web', {
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ pick_first: {} }] }),
    });
    resolver.updateResolution();
    await tick();
    for (const answer of ['ab', 'abc', notFound()]) {
      source.answer = answer;
      await clock.advance(10_000);
    }
    const error = 'error: consul:///web: ERR_SERVICE_NOT_FOUND: web.service.consul: NXDOMAIN';
    // pick_first would keep its connection.
    expect(heard).toEqual([error, 'ab pick_first', 'abc pick_first', ' round_robin', error]);
  });
});

describe('a channel', () => {
  it('is told nothing before it asks, and never while it asks', async () => {
    const { resolver, heard, discovery } = followed('ab');
    await discovery.service('web').ready();
    expect(heard).toEqual([]);
    resolver.updateResolution();
    expect(heard).toEqual([]);
    await tick();
    expect(heard).toEqual(['ab round_robin']);
  });

  it('is told every change of the list as it happens, and nothing where only weights change', async () => {
    const { resolver, heard, source, clock } = followed('ab');
    resolver.updateResolution();
    await clock.advance(0);
    for (const answer of ['ab', 'abcd', 'bd']) {
      source.answer = answer;
      await clock.advance(10_000);
    }
    source.answer = {
      addresses: [2, 4].map((i) => ({ host: `10.0.0.${i}`, port: 80, priority: 1, weight: 9 })),
    };
    await clock.advance(10_000);
    expect(heard).toEqual(['ab round_robin', 'abcd round_robin', 'bd round_robin']);
  });

  it('keeps its list while Consul fails, for as long as that takes', async () => {
    const { resolver, heard, source, clock } = followed('ab');
    resolver.updateResolution();
    await clock.advance(0);
    source.answer = unreachable();
    await clock.advance(3_600_000);
    resolver.updateResolution();
    await tick();
    expect(heard).toEqual(['ab round_robin']);
  });

  it('is told the error again each time it asks, once for all that ask at a time', async () => {
    const { resolver, heard, clock } = followed(notFound());
    resolver.updateResolution();
    await clock.advance(0);
    expect(heard).toHaveLength(1);
    for (let i = 0; i < 100; i++) resolver.updateResolution();
    await tick();
    expect(heard).toHaveLength(2);
  });

  it('that asks again and again has the service asked once a second, whichever of many it is', async () => {
    const { resolver, channel, source, clock } = followed('ab', { ttl: { min: 60_000, jitter: 0 } });
    const others = Array.from({ length: 20 }, () => channel('consul:///web').resolver);
    for (const one of [resolver, ...others]) one.updateResolution();
    await clock.advance(0);
    expect(source.asked).toHaveLength(1);
    for (let second = 0; second < 10; second++) {
      for (const one of [resolver, ...others]) for (let i = 0; i < 10; i++) one.updateResolution();
      await clock.advance(1_000);
    }
    expect(source.asked.length).toBeGreaterThan(9);
    expect(source.asked.length).toBeLessThan(13);
  });

  it('that asks while nobody waits keeps no process alive', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { resolver, source, clock } = followed('ab');
    resolver.updateResolution();
    await clock.advance(0);
    const answer = source.hold();
    const before = timers();
    resolver.updateResolution();
    await tick();
    expect(source.asked).toHaveLength(2);
    expect(timers()).toBe(before);
    answer();
  });

  it('hears nothing once it is destroyed, and leaves nothing behind', async () => {
    const { resolver, heard, source, clock, discovery } = followed('ab');
    resolver.updateResolution();
    resolver.destroy();
    resolver.updateResolution();
    await clock.advance(0);
    expect(heard).toEqual(['ab round_robin']);
    resolver.updateResolution();
    resolver.destroy();
    source.answer = 'abc';
    await clock.advance(10_000);
    expect(heard).toHaveLength(1);
    // The service is nobody's any more, and rests after the usual time.
    await clock.advance(700_000);
    expect(discovery.service('web').stats().idle).toBe(true);
  });

  it('that is destroyed in the same breath is not told what was on its way', async () => {
    const { channel, discovery, clock } = followed('ab');
    await discovery.service('web').ready();
    for (const name of ['web', 'web:80']) {
      const { resolver, heard } = channel(`consul:///${name}`);
      resolver.updateResolution();
      resolver.destroy();
      await clock.advance(0);
      expect(heard).toEqual([]);
    }
  });

  it('that comes back from idleness is told the list as it is then', async () => {
    const { resolver, heard, source, clock } = followed('ab');
    resolver.updateResolution();
    await clock.advance(0);
    resolver.destroy();
    await clock.advance(3_600_000);
    source.answer = 'cd';
    const answer = source.hold();
    resolver.updateResolution();
    await clock.advance(0);
    answer();
    await clock.advance(0);
    // A service that rested hands on its last list until there is a newer one.
    expect(heard).toEqual(['ab round_robin', 'ab round_robin', 'cd round_robin']);
  });

  it('that leaves before the first answer hears nothing of it', async () => {
    const { resolver, heard, source, clock } = followed(notFound());
    const answer = source.hold();
    resolver.updateResolution();
    resolver.destroy();
    answer();
    await clock.advance(0);
    expect(heard).toEqual([]);
  });

  it('keeps its service awake', async () => {
    const { resolver, heard, source, clock } = followed('ab');
    resolver.updateResolution();
    await clock.advance(3_600_000);
    source.answer = 'abc';
    await clock.advance(10_000);
    expect(heard.at(-1)).toBe('abc round_robin');
  });

  it('goes on with the next service of that name where one is closed, and keeps the list meanwhile', async () => {
    const { resolver, heard, source, clock, discovery } = followed('ab');
    resolver.updateResolution();
    await clock.advance(2_000);
    discovery.service('web').close();
    source.answer = 'abc';
    await clock.advance(10_000);
    expect(heard).toEqual(['ab round_robin', 'abc round_robin']);
  });

  it('whose services make room for one another has them made anew once a second and not more', async () => {
    const { resolver, channel, source, clock, heard } = followed('ab', { maxServices: 1 });
    const other = channel('consul:///api');
    resolver.updateResolution();
    other.resolver.updateResolution();
    await clock.advance(10_000);
    expect(source.asked.length).toBeLessThan(30);
    // Neither is left without a list.
    expect(heard).toEqual(['ab round_robin']);
    expect(other.heard).toEqual(['ab round_robin']);
  });

  it('is told when the discovery is closed, and goes on with the next that is registered', async () => {
    const { resolver, heard, clock, discovery, grpc } = followed('ab');
    resolver.updateResolution();
    await clock.advance(0);
    await discovery.close();
    await tick();
    const closed = 'error: consul:///web: ERR_CLOSED: The discovery was closed.';
    expect(heard.slice(1)).toEqual([' round_robin', closed]);
    expect(clock.pending).toBe(0);
    resolver.updateResolution();
    await tick();
    expect(heard.slice(3)).toEqual([closed]);
    const next = world('cd');
    registerConsulResolver(next.discovery, { grpc });
    resolver.updateResolution();
    await next.clock.advance(0);
    expect(heard.at(-1)).toBe('cd round_robin');
  });

  it('follows the tier that comes first, with those of it that others eject', async () => {
    const tiers = (near: string) => ({
      addresses: [...`${near}cd`].map((letter) => ({
        host: `10.0.0.${letter.charCodeAt(0) - 96}`,
        port: 80,
        weight: 1,
        priority: 'cd'.includes(letter) ? 2 : 1,
      })),
    });
    const { resolver, heard, source, clock, discovery } = followed(tiers('ab'), { outlier: true });
    resolver.updateResolution();
    await clock.advance(0);
    const web = discovery.service('web');
    const [a] = web.endpoints;
    for (let i = 0; i < 20; i++) web.report(a!, { ok: false, error: new Error('refused') });
    expect(web.stats().ejected).toBe(1);
    source.answer = tiers('abe');
    await clock.advance(10_000);
    source.answer = tiers('');
    await clock.advance(10_000);
    expect(heard).toEqual(['ab round_robin', 'abe round_robin', 'cd round_robin']);
  });

  it('follows the zone that comes first', async () => {
    const zones = {
      addresses: ['a', 'b', 'a'].map((zone, i) => ({ ...address('abc'[i]!), meta: { zone } })),
    };
    const { resolver, heard, clock } = followed(zones, { priorities: { zones: ['a'] } });
    resolver.updateResolution();
    await clock.advance(0);
    expect(heard).toEqual(['ac round_robin']);
  });

  it('is told an ordered prepared query in its order', async () => {
    const { channel, clock } = followed({
      addresses: [3, 1, 2].map((i, rank) => ({
        host: `10.0.0.${i}`,
        port: 80,
        priority: 1,
        weight: 1,
        rank,
      })),
    });
    const { resolver, heard } = channel('consul:///nearest.query.consul?ordered=true');
    resolver.updateResolution();
    await clock.advance(0);
    expect(heard).toEqual(['cab round_robin']);
  });
});

describe('what a target says', () => {
  const asked = async (target: string, discovery?: (all: ReturnType<typeof world>) => Discovery) => {
    const all = world('a');
    discovery?.(all);
    const { grpc, channel } = fakeGrpc();
    registerConsulResolver(all.discovery, { grpc });
    registerConsulResolver(world('b').discovery, { grpc, name: 'dc2' });
    const { resolver, heard } = channel(target);
    resolver.updateResolution();
    await all.clock.advance(0);
    return { name: all.names[0], heard };
  };

  it.each([
    ['consul:///web', { service: 'web' }],
    ['consul:///web.service.consul', { service: 'web' }],
    ['consul:///web.service.consul.', { service: 'web' }],
    ['consul:///web?tag=v1', { service: 'web', tag: 'v1' }],
    ['consul:///web?tag=v1.2&datacenter=dc2', { service: 'web', tag: 'v1.2', datacenter: 'dc2' }],
    ['consul:///web?peer=other&port=grpc', { service: 'web', peer: 'other', port: 'grpc' }],
    ['consul:///web?namespace=a&partition=b', { service: 'web', namespace: 'a', partition: 'b' }],
    ['consul:///v1.web.service.dc2.consul', { service: 'web', tag: 'v1', datacenter: 'dc2' }],
    ['consul:///web.service.consul?tag=v1', { service: 'web', tag: 'v1' }],
    ['consul:///_web._grpc.service.consul', { service: 'web', tag: 'grpc' }],
    ['consul:///nearest.query.consul', { query: 'nearest' }],
    ['consul:///x.node.consul:50051', { node: 'x' }],
  ])('%s asks for a service', async (target, name) => {
    const { name: seen, heard } = await asked(target);
    expect(seen).toEqual(name);
    expect(heard).toEqual(['a round_robin']);
  });

  it('consul://NAME/web asks the discovery of that name', async () => {
    expect(await asked('consul://dc2/web')).toEqual({ name: undefined, heard: ['b round_robin'] });
  });

  it.each([
    ['consul:///web?tg=v1', 'ERR_INVALID_NAME: Unknown key "tg" in a service name; expected { service, tag?'],
    ['consul:///web?tag=v1&tag=v2', 'ERR_INVALID_NAME: The target says "tag" twice'],
    ['consul:///v1.web.service.consul?tag=v2', 'ERR_INVALID_NAME: The target says "tag" twice'],
    ['consul:///web?tag=', 'ERR_INVALID_NAME: '],
    ['consul:///nearest.query.consul?ordered=yes', 'ERR_INVALID_NAME: `ordered`'],
    ['consul:///web?ordered=true', 'ERR_INVALID_NAME: Unknown key "ordered"'],
    ['consul:///web.example.org', 'ERR_INVALID_NAME: "web.example.org" is neither'],
    ['consul:///web:50051', 'ERR_INVALID_NAME: Consul says at which port'],
    ['consul:///', 'ERR_INVALID_NAME: '],
    ['consul://127.0.0.1:8600/web', 'ERR_INVALID_NAME: No discovery is registered as "127.0.0.1:8600"'],
  ])('%s is an error that the calls get', async (target, message) => {
    const { heard } = await asked(target);
    expect(heard).toEqual([expect.stringContaining(`error: ${target}: ${message}`)]);
  });
});

describe('registerConsulResolver()', () => {
  it('refuses a grpc-js that tells its resolvers in a way nobody knows', () => {
    const { discovery } = world();
    const { grpc } = fakeGrpc('something else');
    expect(() => registerConsulResolver(discovery, { grpc })).toThrow(
      expect.objectContaining({ code: 'ERR_PEER', message: expect.stringContaining('1.12, 1.13 and 1.14') }),
    );
  });

  it.each([
    [{ grpc: {} }, 'ERR_PEER', 'expected the module @grpc/grpc-js'],
    [{ name: 'a/b' }, 'ERR_INVALID_OPTION', 'registerConsulResolver.name: expected a name'],
    [{ name: '' }, 'ERR_INVALID_OPTION', 'registerConsulResolver.name: expected a name'],
    [{ nam: 'a' }, 'ERR_INVALID_OPTION', 'unknown option "nam"'],
    [
      { serviceConfig: 'round_robin' },
      'ERR_INVALID_OPTION',
      'registerConsulResolver.serviceConfig: expected an object',
    ],
  ])('refuses %j', (options, code, message) => {
    const { grpc } = fakeGrpc();
    const all = { grpc, ...options } as never;
    expect(() => registerConsulResolver(world().discovery, all)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  it('refuses what is no discovery, and one that is closed', async () => {
    const { grpc } = fakeGrpc();
    expect(() => registerConsulResolver({} as never, { grpc })).toThrow('expected the discovery');
    const { discovery } = world();
    await discovery.close();
    expect(() => registerConsulResolver(discovery, { grpc })).toThrow(
      expect.objectContaining({ code: 'ERR_CLOSED' }),
    );
  });

  it('takes one discovery for each name, until it is closed; the same call twice is one', async () => {
    const { grpc } = fakeGrpc();
    const [first, second] = [world(), world()];
    registerConsulResolver(first.discovery, { grpc });
    registerConsulResolver(first.discovery, { grpc });
    expect(() => registerConsulResolver(second.discovery, { grpc })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_OPTION',
        message: expect.stringContaining('another discovery'),
      }),
    );
    expect(() =>
      registerConsulResolver(first.discovery, { grpc, serviceConfig: { methodConfig: [] } }),
    ).toThrow('with another serviceConfig');
    registerConsulResolver(second.discovery, { grpc, name: 'second' });
    registerConsulResolver(first.discovery, { grpc, name: 'first' });
    await first.discovery.close();
    registerConsulResolver(second.discovery, { grpc });
    registerConsulResolver(world().discovery, { grpc, name: 'first' });
  });
});
