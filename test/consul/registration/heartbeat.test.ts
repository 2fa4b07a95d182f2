import { describe, expect, it } from 'vitest';
import type { TtlCheck } from '../../../src/consul/registration/health-check.ts';
import { eventually, openWorld, type World } from './world.ts';

const beating = (status?: TtlCheck['status']) => ({
  name: 'web',
  id: 'web-1',
  port: 8080,
  check: { ttl: 3_000, ...(status !== undefined && { status }) },
});

const beats = ({ double }: World) =>
  double.requests
    .filter(({ path }) => path === '/v1/agent/check/update/service:web-1')
    .map(({ body }) => JSON.parse(body) as { Status: string; Output: string });
const health = async ({ http }: World) => {
  const { body } = await http.request<Record<string, { Status: string; Output: string }>>(
    'GET',
    '/v1/agent/checks',
  );
  return body['service:web-1']?.Status;
};

describe('a TTL check', () => {
  it('passes from the beginning, and is kept alive three times within its TTL', async () => {
    const world = await openWorld();
    await world.registry.register(beating());
    expect(await health(world)).toBe('passing');
    await eventually(() => beats(world).length).toBe(1);
    await world.pass(9_000);
    expect(beats(world)).toHaveLength(10);
    expect(await health(world)).toBe('passing');
  });

  it('says what the function says, with its output', async () => {
    const world = await openWorld();
    let said: Awaited<ReturnType<NonNullable<TtlCheck['status']>>> = 'passing';
    await world.registry.register(beating(async () => said));
    await world.pass(1_000);
    said = { status: 'warning', output: 'queue long' };
    await world.pass(1_000);
    expect(beats(world).at(-1)).toEqual({ Status: 'warning', Output: 'queue long' });
    expect(await health(world)).toBe('warning');
  });

  it('is critical where the function throws or says nonsense, and says so once', async () => {
    const world = await openWorld();
    const { onWarning } = world;
    let how = (): never => {
      throw new Error('no database');
    };
    await world.registry.register(
      beating(() => how()),
      { onWarning },
    );
    await world.pass(3_000);
    expect(beats(world).at(-1)).toEqual({ Status: 'critical', Output: 'Error: no database' });
    how = () => 'fine' as never;
    await world.pass(1_000);
    expect(beats(world).at(-1)?.Status).toBe('critical');
    expect(world.warnings.map(({ code }) => code)).toEqual(['STATUS_FAILED']);
  });

  it('becomes critical where the function does not return: no heartbeat is sent', async () => {
    const world = await openWorld();
    await world.registry.register(beating(() => new Promise(() => {})));
    await world.pass(10_000);
    expect(beats(world)).toEqual([]);
    expect(await health(world)).toBe('critical');
  });

  it('notices that the agent has forgotten the instance before it is looked for', async () => {
    const world = await openWorld();
    const { onWarning } = world;
    await world.registry.register(beating(), { onWarning, checkInterval: 3_600_000 });
    await world.pass(1_000);
    world.double.http.forget();
    await world.pass(1_000);
    await eventually(() => health(world)).toBe('passing');
    expect(world.warnings.map(({ code }) => code)).toEqual(['REGISTRATION_LOST']);
    await world.pass(6_000);
    expect(await health(world)).toBe('passing');
  });

  it('goes on after failures, no slower than it beats', async () => {
    const world = await openWorld();
    await world.registry.register(beating(), { onWarning: world.onWarning, checkInterval: 3_600_000 });
    world.double.http.only(({ path }) => path.includes('/check/'));
    world.double.http.error(500, 'no');
    await world.pass(2_000);
    world.double.http.error(undefined);
    await world.pass(1_100);
    expect(await health(world)).toBe('passing');
  });
});
