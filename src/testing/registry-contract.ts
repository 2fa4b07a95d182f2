import type { Registry } from '../consul/registration/registry.ts';
import type { TestRunner } from './runner.ts';

/** A registry and the way to be done with it. */
export interface RegistryWorld {
  readonly registry: Registry;
  close(): Promise<void>;
}

/** Milliseconds within which all have to find what was registered: registries may spread it in their own time. */
const spreadWithin = 10_000;

/**
 * What every registry must do: our own are held to it on the in-process double and on real Consul.
 *
 *     registryContract('my registry', openWorld, { describe, it, expect });
 *
 * @param open makes a fresh world for each case; service names are unique per case, so the catalogue behind may be shared.
 */
export function registryContract(
  title: string,
  open: () => Promise<RegistryWorld>,
  { describe, it, expect }: TestRunner,
): void {
  const inWorld = (body: (registry: Registry, name: string) => Promise<void>) => async () => {
    const world = await open();
    try {
      await body(world.registry, uniqueName());
    } finally {
      await world.close();
    }
  };
  /** The ids of a service, as soon as they are these. */
  const settled = async (registry: Registry, name: string, expected: readonly string[]) => {
    const deadline = Date.now() + spreadWithin;
    for (;;) {
      const ids = (await registry.instances(name)).map(({ id }) => id).sort();
      if (ids.join('\n') === [...expected].sort().join('\n') || Date.now() > deadline) return ids;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  describe(`${title} keeps the registry contract`, () => {
    it(
      'shows an instance with all that was said of it, until it is taken back',
      inWorld(async (registry, name) => {
        const { id, deregister } = await registry.register({
          name,
          id: `${name}-1`,
          address: '10.9.0.1',
          port: 8081,
          tags: ['v1', 'blue'],
          meta: { version: '2' },
        });
        expect(id).toBe(`${name}-1`);
        expect(await settled(registry, name, [id])).toEqual([id]);
        const [instance] = await registry.instances(name);
        expect(instance).toEqual({
          id,
          name,
          address: '10.9.0.1',
          port: 8081,
          tags: ['v1', 'blue'],
          meta: { version: '2' },
        });
        expect(typeof deregister).toBe('function');
        await registry.deregister(id);
        expect(await settled(registry, name, [])).toEqual([]);
      }),
    );

    it(
      'finds what is left out: an id of its own, an address, nothing for the rest',
      inWorld(async (registry, name) => {
        const one = await registry.register({ name, port: 8082 });
        const two = await registry.register({ name, port: 8083 });
        expect(one.id !== '' && one.id !== two.id).toBe(true);
        expect(await settled(registry, name, [one.id, two.id])).toEqual([one.id, two.id].sort());
        const [instance] = await registry.instances(name);
        expect([instance?.tags, instance?.meta]).toEqual([[], {}]);
        expect((instance?.address ?? '') === '').toBe(false);
        await Promise.all([one.deregister(), two.deregister()]);
        expect(await settled(registry, name, [])).toEqual([]);
      }),
    );

    it(
      'takes back by the handle as by the id, once or more often, known or not',
      inWorld(async (registry, name) => {
        const one = await registry.register({ name, id: `${name}-1`, address: '10.9.0.1', port: 80 });
        const two = await registry.register({ name, id: `${name}-2`, address: '10.9.0.2', port: 80 });
        await settled(registry, name, [one.id, two.id]);
        await one.deregister();
        await one.deregister();
        await registry.deregister(one.id);
        expect(await settled(registry, name, [two.id])).toEqual([two.id]);
        await registry.deregister(two.id);
        await two.deregister();
        await registry.deregister(`${name}-nobody`);
        expect(await settled(registry, name, [])).toEqual([]);
      }),
    );

    it(
      'lets an id be used again after it was taken back',
      inWorld(async (registry, name) => {
        const entry = { name, id: `${name}-1`, address: '10.9.0.1', port: 80 };
        const before = await registry.register(entry);
        await before.deregister();
        const { id } = await registry.register({ ...entry, port: 81 });
        // Not its instance any more.
        await before.deregister();
        await settled(registry, name, [id]);
        expect((await registry.instances(name)).map(({ port }) => port)).toEqual([81]);
        await registry.deregister(id);
      }),
    );

    it(
      'knows services apart, and nothing of one that nobody registered',
      inWorld(async (registry, name) => {
        const one = await registry.register({ name, port: 80 });
        const other = await registry.register({ name: `${name}-other`, port: 80 });
        expect(await settled(registry, name, [one.id])).toEqual([one.id]);
        expect(await settled(registry, `${name}-other`, [other.id])).toEqual([other.id]);
        expect(await registry.instances(`${name}-nobody`)).toEqual([]);
        await Promise.all([one.deregister(), other.deregister()]);
      }),
    );

    it(
      'loses none of many that come and go at once',
      inWorld(async (registry, name) => {
        const entries = Array.from({ length: 50 }, (_, i) => ({
          name,
          address: '10.9.1.1',
          port: 9_000 + i,
        }));
        const all = await Promise.all(entries.map((entry) => registry.register(entry)));
        const ids = all.map(({ id }) => id);
        expect(await settled(registry, name, ids)).toEqual([...ids].sort());
        await Promise.all(all.map((one) => one.deregister()));
        expect(await settled(registry, name, [])).toEqual([]);
      }),
    );
  });
}

let named = 0;

/** A catalogue may be shared by suites that run at the same time. */
function uniqueName(): string {
  return `registry-${process.pid}-${++named}`;
}
