import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LockWorld } from './lock-world.ts';
import { bundle } from './registration/bundle.ts';
import { Child } from './registration/child.ts';
import { until } from './scripted-agent.ts';

let built: Awaited<ReturnType<typeof bundle>>;
let world: LockWorld;

beforeAll(async () => {
  built = await bundle();
}, 60_000);
afterAll(() => built.remove());
beforeEach(async () => {
  world = await LockWorld.start();
});
afterEach(() => world.agent.close());

const program = (lines: string) =>
  new Child(`
    import { createConsul } from '${built.url('consul')}';
    const consul = createConsul({ address: '${world.agent.address}' });
    ${lines}
  `);
/** Ends by itself, which the exit code tells from a program whose await nothing keeps (13). */
const endsByItself = async (lines: string) => {
  const child = program(lines);
  expect([await child.ended(), child.errors]).toEqual([[0, null], '']);
  return child.said;
};
/** Still there when Consul has held its question for a while. */
const staysUntil = async (lines: string, then: () => void) => {
  const child = program(lines);
  await until(() => world.agent.asked.some(({ url }) => url.includes('index=')));
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  then();
  const result = await child.says('result');
  expect([await child.ended(), child.errors]).toEqual([[0, null], '']);
  return result;
};

describe('a program stays for what it awaits', () => {
  it('of a watch: for the next value, and no longer', async () => {
    const lines = `
      let seen = 0;
      for await (const entry of consul.kv.watch('job')) {
        if (++seen === 2) { console.log('result', entry.session); break; }
      }`;
    expect(await staysUntil(lines, () => world.give('somebody'))).toBe('somebody');
  });

  it('of a live configuration: until it is ready', async () => {
    const lines = `
      const config = consul.liveConfig('job', (text, entry) => entry.session);
      console.log('result', await config.ready());`;
    expect(await staysUntil(lines, () => world.give('somebody'))).toBe('somebody');
  });

  it('of a lock: while it waits', async () => {
    world.give('somebody');
    const lines = `
      const held = await consul.lock('job');
      console.log('result', held.session);
      await held.release();`;
    expect(await staysUntil(lines, () => world.give(undefined))).toBe('s1');
    expect(world.holder).toBeUndefined();
  });
});

describe('a program does not stay', () => {
  it('for a live configuration that it follows', async () => {
    expect(
      await endsByItself(`consul.liveConfig('job', String, { initial: 'x' }); console.log('there');`),
    ).toEqual(['there']);
  });

  it('for a lock that it holds', async () => {
    await endsByItself(`await consul.lock('job');`);
    // Nobody gave it back: that is left to the TTL.
    expect(world.holder).toBe('s1');
  });

  it('for a lock that is released by `await using`, nor for a watch that was left', async () => {
    await endsByItself(`
      const held = await consul.lock('job');
      for await (const _ of consul.kv.watch('job')) break;
      await held[Symbol.asyncDispose]();`);
    expect(world.holder).toBeUndefined();
  });

  it('for connections that it has used', async () => {
    await endsByItself(
      `await Promise.all(Array.from({ length: 50 }, () => consul.request('GET', '/v1/kv/job', { accept: [404] })));`,
    );
  });
});
