import { parseServiceName } from '../dns/name.ts';
import type { Resolution, Resolver } from '../resolver/resolver.ts';
import type { TestRunner } from './runner.ts';

/** An instance to be registered in whatever the resolver looks at. */
export interface ContractInstance {
  readonly name: string;
  /** IP literal; absent: the node's own. */
  readonly address?: string;
  readonly port: number;
  readonly tags?: readonly string[];
  readonly weight?: number;
}

/** A resolver and the means to change what it finds. */
export interface ResolverWorld {
  readonly resolver: Resolver;
  /** Registers a healthy instance and returns the way to remove it; both are done when what they return resolves. */
  register(instance: ContractInstance): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * What every resolver of services must do: our own are held to it on the in-process double and on real Consul.
 *
 *     resolverContract('my resolver', openWorld, { describe, it, expect });
 *
 * @param open makes a fresh world for each case; service names are unique per case, so the catalogue behind may be shared.
 */
export function resolverContract(
  title: string,
  open: () => Promise<ResolverWorld>,
  { describe, it, expect }: TestRunner,
): void {
  const inWorld = (body: (world: ResolverWorld, name: string) => Promise<void>) => async () => {
    const world = await open();
    try {
      await body(world, uniqueName());
    } finally {
      await world.close();
    }
  };
  const find = (world: ResolverWorld, name: string, tag?: string) =>
    world.resolver.resolve(parseServiceName(tag === undefined ? { service: name } : { service: name, tag }), {
      fresh: true,
    });

  describe(`${title} keeps the resolver contract`, () => {
    it(
      'finds one instance with its address, port, weight and priority',
      inWorld(async (world, name) => {
        await world.register({ name, address: '10.9.0.1', port: 8081, weight: 7 });
        const { addresses, ttl } = await find(world, name);
        expect(
          addresses.map(({ host, port, weight, priority }) => ({ host, port, weight, priority })),
        ).toEqual([{ host: '10.9.0.1', port: 8081, weight: 7, priority: 1 }]);
        expect(ttl >= 0 && ttl < Number.POSITIVE_INFINITY).toBe(true);
      }),
    );

    it(
      'finds every one of 40 instances, each address with its own port, each time, and says that the list is complete',
      inWorld(async (world, name) => {
        const expected = Array.from({ length: 40 }, (_, i) => `10.9.1.${i + 1}:${9000 + i}`);
        for (const [i] of expected.entries()) {
          await world.register({ name, address: `10.9.1.${i + 1}`, port: 9000 + i });
        }
        for (let round = 0; round < 5; round++) {
          const resolution = await find(world, name);
          expect(pairs(resolution)).toEqual([...expected].sort());
          expect(resolution.complete).toBe(true);
        }
      }),
    );

    it(
      'tells instances on one address apart by their ports',
      inWorld(async (world, name) => {
        for (const port of [7001, 7002, 7003]) await world.register({ name, address: '10.9.2.1', port });
        expect(pairs(await find(world, name))).toEqual(['10.9.2.1:7001', '10.9.2.1:7002', '10.9.2.1:7003']);
      }),
    );

    it(
      "takes the node's address where an instance has none of its own",
      inWorld(async (world, name) => {
        await world.register({ name, port: 7010 });
        const { addresses } = await find(world, name);
        expect(addresses.map(({ port }) => port)).toEqual([7010]);
        expect(/^[0-9a-f.:]+$/.test(addresses[0]?.host ?? '')).toBe(true);
      }),
    );

    it(
      'finds IPv6 instances, in the canonical spelling',
      inWorld(async (world, name) => {
        await world.register({ name, address: '2001:db8:0:0:0:0:0:5', port: 443 });
        expect(pairs(await find(world, name))).toEqual(['2001:db8::5:443']);
      }),
    );

    it(
      'keeps to a tag',
      inWorld(async (world, name) => {
        await world.register({ name, address: '10.9.3.1', port: 80, tags: ['v1', 'blue'] });
        await world.register({ name, address: '10.9.3.2', port: 80, tags: ['v2'] });
        expect(pairs(await find(world, name, 'v1'))).toEqual(['10.9.3.1:80']);
        expect(pairs(await find(world, name))).toEqual(['10.9.3.1:80', '10.9.3.2:80']);
        expect(await codeOf(find(world, name, 'v3'))).toBe('ERR_SERVICE_NOT_FOUND');
      }),
    );

    it(
      'follows instances that leave, down to none',
      inWorld(async (world, name) => {
        const leave = await world.register({ name, address: '10.9.4.1', port: 80 });
        const leaveToo = await world.register({ name, address: '10.9.4.2', port: 80 });
        await leave();
        expect(pairs(await find(world, name))).toEqual(['10.9.4.2:80']);
        await leaveToo();
        expect(await codeOf(find(world, name))).toBe('ERR_SERVICE_NOT_FOUND');
      }),
    );

    it(
      'rejects with ERR_SERVICE_NOT_FOUND for a name that nobody registered',
      inWorld(async (world, name) => {
        expect(await codeOf(find(world, name))).toBe('ERR_SERVICE_NOT_FOUND');
      }),
    );

    it(
      "rejects with the signal's reason when it is aborted, before or meanwhile",
      inWorld(async (world, name) => {
        await world.register({ name, address: '10.9.5.1', port: 80 });
        const reason = new Error('enough');
        const before = world.resolver.resolve({ service: name }, { signal: AbortSignal.abort(reason) });
        expect(await before.catch((error) => error)).toBe(reason);
        const controller = new AbortController();
        const meanwhile = world.resolver.resolve(
          { service: name },
          { signal: controller.signal, fresh: true },
        );
        controller.abort(reason);
        expect(await meanwhile.catch((error) => error)).toBe(reason);
        expect(pairs(await find(world, name))).toEqual(['10.9.5.1:80']);
      }),
    );

    it(
      'rejects with ERR_CLOSED after its close(), where it has one',
      inWorld(async (world, name) => {
        await world.register({ name, address: '10.9.7.1', port: 80 });
        await find(world, name);
        if (world.resolver.close === undefined) return;
        await world.resolver.close();
        await world.resolver.close();
        expect(await codeOf(find(world, name))).toBe('ERR_CLOSED');
      }),
    );

    it(
      'answers many who ask at once',
      inWorld(async (world, name) => {
        for (let i = 1; i <= 12; i++) await world.register({ name, address: `10.9.6.${i}`, port: 80 + i });
        const all = await Promise.all(Array.from({ length: 60 }, () => find(world, name)));
        expect(all.every(({ addresses }) => addresses.length === 12)).toBe(true);
      }),
    );
  });
}

/** `host:port` of each address, sorted. */
function pairs({ addresses }: Resolution): string[] {
  return addresses.map(({ host, port }) => `${host}:${port}`).sort();
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error) => (error as { code?: unknown }).code,
  );
}

let named = 0;

/** A catalogue may be shared by suites that run at the same time. */
function uniqueName(): string {
  return `contract-${process.pid}-${++named}`;
}
