import { getEventListeners } from 'node:events';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsulHttp } from '../../src/consul/http.ts';
import { lead } from '../../src/consul/leader.ts';
import { type Lock, type LockOptions, lock } from '../../src/consul/lock.ts';
import { completeConsul } from '../../src/consul/options.ts';
import { LockWorld } from './lock-world.ts';
import { createPacedClock, type PacedClock } from './paced-clock.ts';
import { until } from './scripted-agent.ts';

let world: LockWorld;
let clock: PacedClock;
let http: ConsulHttp;

beforeEach(async () => {
  world = await LockWorld.start();
  clock = createPacedClock();
  http = client();
});
afterEach(async () => {
  world.instead = undefined;
  const closed = http.close();
  // Somebody who takes leave may not be heard.
  await clock.advance(1_000);
  await closed;
  await world.agent.close();
});

function client(): ConsulHttp {
  return new ConsulHttp(completeConsul({ address: world.agent.address, retries: 0 }, {}), clock);
}

const take = (options: LockOptions = {}): Promise<Lock> => lock(http, 'job', options);
/** Renewals that Consul has answered. */
const renewals = () => world.writes.filter((path) => path.startsWith('session/renew')).length;
/** Time goes on; what is asked meanwhile is answered before it goes further. */
const pass = async (ms: number, step = 100) => {
  for (let passed = 0; passed < ms; passed += step) {
    await clock.advance(Math.min(step, ms - passed));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('a lock', () => {
  it('is had at once where nobody holds it', async () => {
    const held = await take();
    expect(held).toMatchObject({ key: 'job', session: 's1', lockIndex: 1, fencingToken: 11 });
    expect(held.signal.aborted).toBe(false);
    expect(world).toMatchObject({ holder: 's1', value: `${hostname()} ${process.pid}` });
    expect(world.agent.asked.find(({ url }) => url.includes('acquire'))?.url).toContain(
      'flags=3304740253564472344',
    );
  });

  it('says to Consul how long it may be unheard of', async () => {
    await take({ value: 'me', ttl: 20_000, lockDelay: 0, behavior: 'delete' });
    expect(world.value).toBe('me');
    expect(world.sessions.get('s1')?.body).toEqual({
      TTL: '20000ms',
      LockDelay: '0ms',
      Behavior: 'delete',
      Name: 'lock job',
      // Not by the health of the node: see Session.
      NodeChecks: [],
      Checks: [],
    });
  });

  it('is waited for while another holds it, and had when that gives it back', async () => {
    const first = await take();
    let second: Lock | undefined;
    const waiting = take().then((held) => {
      second = held;
    });
    await until(() => world.agent.asked.some(({ url }) => url.includes('acquire=s2')));
    await pass(30_000, 1_000);
    expect(second).toBeUndefined();
    await first.release();
    await waiting;
    expect(world.holder).toBe('s2');
    expect(second!.fencingToken).toBeGreaterThan(first.fencingToken);
  });

  it('is asked for once a second where Consul holds it back after a loss', async () => {
    world.delayed = 4;
    const waiting = take();
    // Twice at once: it may have been given back that very moment.
    for (let tries = 2; tries <= 4; tries++) {
      await until(() => clock.pauses.includes(1_000));
      expect(world.writes.filter((path) => path.includes('acquire'))).toHaveLength(tries);
      await clock.advance(1_000);
    }
    expect(await waiting).toMatchObject({ session: 's1' });
  });

  it('is kept by renewals, three in each TTL', async () => {
    const held = await take({ ttl: 15_000 });
    await pass(60_000, 500);
    expect(renewals()).toBe(12);
    expect(held.signal.aborted).toBe(false);
  });

  it('is had by one of those who wait, and in the end by each', async () => {
    const order: string[] = [];
    const all = Array.from({ length: 5 }, async () => {
      const held = await take();
      order.push(held.session);
      expect(world.holder).toBe(held.session);
      await held.release();
    });
    while (order.length < 5) await pass(1_000);
    await Promise.all(all);
    expect(new Set(order).size).toBe(5);
    expect(world.sessions.size).toBe(0);
  });

  it('goes on wanting it while Consul has trouble', async () => {
    let trouble = 3;
    world.instead = () => (trouble-- > 0 ? { status: 500, body: 'No cluster leader' } : undefined);
    const errors: unknown[] = [];
    const waiting = take({ onError: (error) => errors.push(error) });
    for (let failures = 0; failures < 3; failures++) {
      await until(() => clock.pauses.length === 1);
      await clock.advance(clock.pauses[0]!);
    }
    expect(await waiting).toMatchObject({ session: 's1' });
    expect(errors).toEqual([expect.objectContaining({ status: 500 })]);
  });

  it('takes another session where Consul says only by the way that its own has ended', async () => {
    const first = await take();
    const errors: unknown[] = [];
    const waiting = take({ onError: (error) => errors.push(error) });
    await until(() => world.agent.asked.some(({ url }) => url.includes('acquire=s2')));
    world.endSession('s2');
    await first.release();
    await until(() => clock.pauses.length > 0);
    await clock.advance(1_000);
    expect(await waiting).toMatchObject({ session: 's3' });
    expect(errors).toEqual([]);
  });

  it('takes another session where its own ended while it waited', async () => {
    const first = await take();
    const waiting = take();
    await until(() => world.agent.asked.some(({ url }) => url.includes('acquire=s2')));
    world.endSession('s2');
    await pass(6_000, 500);
    await first.release();
    expect(await waiting).toMatchObject({ session: 's3' });
  });

  it.each([
    [{ ttl: 9_999 }, 'lock.ttl: expected a number from 10000'],
    [{ lockDelay: 60_001 }, 'lock.lockDelay: expected a number from 0 to 60000'],
    [{ behavior: 'keep' }, 'lock.behavior: expected'],
    [{ TTL: 1 }, 'unknown option "TTL"'],
  ])('refuses %j', async (options, why) => {
    await expect(take(options as never)).rejects.toThrow(why);
    await expect(lock(http, '/job')).rejects.toThrow('begin with a slash');
    expect(world.agent.asked).toEqual([]);
  });

  it('is refused where Consul refuses', async () => {
    world.instead = () => ({ status: 403, body: 'Permission denied' });
    await expect(take()).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 403 });
  });
});

describe('giving a lock back', () => {
  it('frees the key before its session ends, so that nobody has to wait for a lock delay', async () => {
    const held = await take({ value: 'me' });
    await Promise.all([held.release(), held.release()]);
    await held[Symbol.asyncDispose]();
    expect(world.writes).toEqual([
      'session/create',
      'kv/job?acquire=s1',
      'kv/job?release=s1',
      'session/destroy/s1',
    ]);
    expect(world).toMatchObject({ holder: undefined, value: 'me' });
    expect(held.signal.aborted).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('is waited for by the close of the client', async () => {
    const held = await take();
    const released = held.release();
    await http.close();
    await released;
    expect(world.writes.slice(-2)).toEqual(['kv/job?release=s1', 'session/destroy/s1']);
    expect(world.holder).toBeUndefined();
  });

  it('ends, also where Consul does not hear it', async () => {
    const held = await take();
    world.instead = () => ({ status: 500, body: 'No cluster leader' });
    await held.release();
    expect(clock.pending).toBe(0);
  });
});

describe('the loss of a lock', () => {
  const lossOf = ({ signal }: Lock) =>
    new Promise<Error>((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)));

  it('is told when the session was ended, at the latest by the next renewal', async () => {
    const held = await take();
    const loss = lossOf(held);
    world.endSession('s1');
    expect(await loss).toMatchObject({
      code: 'ERR_CONSUL',
      message: 'The lock job was lost: nobody holds it.',
    });
  });

  it('is told when the key was deleted, or given to another', async () => {
    const held = await take();
    const loss = lossOf(held);
    world.deleteKey();
    expect((await loss).message).toBe('The lock job was lost: nobody holds it.');
    await held.release();
    expect(world.sessions.size).toBe(0);
    const other = await take();
    const again = lossOf(other);
    world.give('somebody');
    expect((await again).message).toBe('The lock job was lost: the session somebody does.');
  });

  it('is told when Consul does not know the session at its renewal', async () => {
    const held = await take();
    const loss = lossOf(held);
    world.instead = ({ url }) => (url.includes('index=') ? null : undefined);
    world.sessions.clear();
    await pass(5_000, 500);
    expect(await loss).toMatchObject({
      status: 404,
      message: expect.stringContaining('does not know it any more'),
    });
  });

  it.each([
    ['answers nothing', null],
    ['has no leader', { status: 500, body: 'No cluster leader' }],
    ['does not allow it any more', { status: 403, body: 'ACL not found' }],
  ])('is told one TTL after the last renewal was sent, where Consul %s', async (_what, said) => {
    const held = await take({ ttl: 15_000 });
    const since = clock.now();
    let told: number | undefined;
    held.signal.addEventListener('abort', () => {
      told = clock.now();
    });
    await pass(5_100);
    expect(renewals()).toBe(1);
    world.instead = () => said;
    await pass(15_000);
    // The renewal at 5 s counts, and no later one.
    expect(told).toBe(since + 20_000);
    expect(held.signal.reason).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  it('does not come by one renewal that fails', async () => {
    const held = await take({ ttl: 15_000 });
    let failures = 1;
    world.instead = ({ url }) =>
      url.includes('renew') && failures-- > 0 ? { status: 500, body: 'no' } : undefined;
    await pass(60_000, 500);
    expect(held.signal.aborted).toBe(false);
  });

  it('comes with the close of the client: told, and left to the lock delay, since the work may still be ending', async () => {
    const held = await take();
    const loss = lossOf(held);
    const closed = http.close();
    expect(held.signal.aborted).toBe(true);
    expect(await loss).toMatchObject({ code: 'ERR_CLOSED' });
    await closed;
    expect(world.writes.slice(-2)).toEqual(['kv/job?acquire=s1', 'session/destroy/s1']);
    expect(clock.pauses.filter((delay) => delay !== 1_000)).toEqual([]);
  });

  it('leaves the key alone until it is given back: the work may still be ending', async () => {
    const held = await take();
    const loss = lossOf(held);
    world.instead = () => ({ status: 500, body: 'No cluster leader' });
    await pass(15_000);
    await loss;
    world.instead = undefined;
    await pass(10_000, 1_000);
    expect(world.holder).toBe(held.session);
    expect(world.writes).not.toContain('session/destroy/s1');
    await held.release();
    expect(world.holder).toBeUndefined();
    expect(world.sessions.size).toBe(0);
  });
});

describe('giving up waiting for a lock', () => {
  it('rejects with the reason of the signal and leaves neither session nor listener', async () => {
    const first = await take();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = expect(take({ signal })).rejects.toBe('enough');
    await until(() => world.agent.asked.some(({ url }) => url.includes('index=') && url.includes('job')));
    await until(() => world.sessions.size === 2);
    controller.abort('enough');
    await waiting;
    await until(() => world.sessions.size === 1);
    expect(world.holder).toBe(first.session);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await expect(take({ signal: AbortSignal.abort('before') })).rejects.toBe('before');
  });

  it('does not give up what is held', async () => {
    const controller = new AbortController();
    const held = await take({ signal: controller.signal });
    controller.abort();
    await pass(20_000, 1_000);
    expect(held.signal.aborted).toBe(false);
    expect(world.holder).toBe(held.session);
  });

  it('comes with the close of the client', async () => {
    await take();
    const other = client();
    const waiting = expect(lock(other, 'job')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => world.agent.asked.some(({ url }) => url.includes('acquire=s2')));
    await other.close();
    await waiting;
    expect([...world.sessions.keys()]).toEqual(['s1']);
  });
});

describe('leader election', () => {
  it('runs the work while it leads, and ends with it', async () => {
    const result = await lead(http, 'job', ({ lock: held, signal }) => {
      expect(world.holder).toBe(held.session);
      expect(signal.aborted).toBe(false);
      return 'done';
    });
    expect(result).toBe('done');
    expect(world.holder).toBeUndefined();
    expect(world.sessions.size).toBe(0);
  });

  it('begins again after each loss, whatever the work says then', async () => {
    let terms = 0;
    const end = new AbortController();
    const leading = lead(
      http,
      'job',
      async ({ signal }) => {
        if (++terms === 3) return end.abort('enough');
        const lost = new Promise((resolve) => signal.addEventListener('abort', resolve));
        world.deleteKey();
        await lost;
        if (terms === 1) throw new Error('of no interest');
        return undefined;
      },
      { signal: end.signal },
    );
    await expect(leading).rejects.toBe('enough');
    expect(terms).toBe(3);
    await until(() => world.sessions.size === 0);
    expect(world.holder).toBeUndefined();
  });

  it('tells the work that it is to end', async () => {
    const end = new AbortController();
    const leading = lead(
      http,
      'job',
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          end.abort('enough');
        }),
      { signal: end.signal },
    );
    await expect(leading).rejects.toBe('enough');
    await until(() => world.sessions.size === 0);
  });

  it('passes on what the work fails with, and resigns', async () => {
    const leading = lead(http, 'job', () => {
      throw new Error('broken');
    });
    await expect(leading).rejects.toThrow('broken');
    expect(world.holder).toBeUndefined();
  });
});
