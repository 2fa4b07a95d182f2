import { countsOf, only, type Suite } from './suite.ts';

/** No multiple of a list's length: a rotation would come back to where it was. */
const keys = Array.from({ length: 2_999 }, (_, i) => `customer ${i}`);

/** What a strategy promises that keeps a key with its endpoint. */
export function stickiness({ open, expect, options, ...suite }: Suite): void {
  const it = only(options.sticks, suite.it);

  /** Which endpoint each key has now. */
  const homes = ({ balancer }: ReturnType<Suite['open']>) => keys.map((key) => balancer.pick(key)?.address);
  const moved = (before: readonly unknown[], after: readonly unknown[]) =>
    before.filter((home, i) => home !== after[i]).length / before.length;

  it('keeps a key with its endpoint, whatever is picked in between', async () => {
    const world = open();
    world.list(20);
    await world.settle();
    const before = homes(world);
    for (let i = 0; i < 500; i++) world.balancer.pick(i % 3 === 0 ? undefined : `other ${i}`);
    expect(homes(world)).toEqual(before);
  });

  it('gives a key the same endpoint in every process', async () => {
    const [one, other] = [open(1), open(2)];
    one.list(20);
    // It came to the same list by another way.
    other.list(30, 3);
    for (let i = 0; i < 77; i++) other.balancer.pick();
    other.list(20);
    await one.settle();
    await other.settle();
    expect(homes(other)).toEqual(homes(one));
  });

  it('spreads the keys over all endpoints', async () => {
    const world = open();
    const { endpoints } = world.list(20);
    await world.settle();
    let next = 0;
    const counts = countsOf(endpoints, keys.length, () => world.balancer.pick(keys[next++]));
    expect(Math.min(...counts)).toBeGreaterThan(keys.length / 20 / 2);
    expect((keys.length / 20) * 1.6).toBeGreaterThan(Math.max(...counts));
  });

  it('moves few keys beside those of an endpoint that leaves, and gives it its own when it is back', async () => {
    const world = open();
    world.list(20);
    await world.settle();
    const before = homes(world);
    const gone = world.list(19).endpoints;
    await world.settle();
    const meanwhile = homes(world);
    const left = before.filter((home) => !gone.some(({ address }) => address === home)).length / keys.length;
    expect(0.05, 'share of the keys that moved without need').toBeGreaterThan(
      moved(before, meanwhile) - left,
    );
    world.list(20);
    await world.settle();
    expect(homes(world)).toEqual(before);
  });

  it('moves no key when a list comes again', async () => {
    const world = open();
    const { endpoints, addresses } = world.list(20);
    await world.settle();
    const before = homes(world);
    world.balancer.update({ version: 9, endpoints: [...endpoints], addresses: [...addresses] });
    await world.settle();
    expect(homes(world)).toEqual(before);
  });

  it('gives a key whose endpoint is excluded another one, and its own again afterwards', async () => {
    const world = open();
    world.list(20);
    await world.settle();
    for (const key of keys.slice(0, 200)) {
      const own = world.balancer.pick(key)!;
      const other = world.balancer.pick(key, new Set([own]));
      expect(other === undefined || other === own).toBe(false);
      expect(world.balancer.pick(key)).toBe(own);
    }
  });

  it('chooses only listed endpoints while an update is still being worked in', async () => {
    const world = open();
    for (let round = 0; round < 20; round++) {
      const { endpoints } = world.list(1 + world.random.below(30), world.random.below(10));
      const listed = new Set<unknown>(endpoints);
      expect(keys.every((key) => listed.has(world.balancer.pick(key)))).toBe(true);
      // Some are overtaken by the next.
      if (round % 3 === 0) await world.settle();
    }
  });
}
