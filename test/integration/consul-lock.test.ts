import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Consul, createConsul, type Lock } from '../../src/consul/index.ts';
import { bundle } from '../consul/registration/bundle.ts';
import { Child } from '../consul/registration/child.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';

/** The shortest that Consul takes. */
const ttl = 10_000;
const run = promisify(execFile);
const consulBinary = await findConsul();

const lossOf = ({ signal }: Lock) =>
  new Promise<{ readonly at: number; readonly reason: Error }>((resolve) =>
    signal.addEventListener('abort', () => resolve({ at: Date.now(), reason: signal.reason }), {
      once: true,
    }),
  );

describeWithConsul('a lock of real Consul', () => {
  let agent: Agent;
  let consul: Consul;
  let other: Consul;

  beforeAll(async () => {
    agent = await startAgent({ dev: false });
  });
  afterAll(async () => {
    await agent.stop();
  });
  beforeEach(() => {
    consul = createConsul({ address: agent.httpAddress });
    other = createConsul({ address: agent.httpAddress });
  });
  afterEach(async () => {
    await consul.close();
    await other.close();
    expect(await agent.http<unknown[]>('GET', '/v1/session/list')).toEqual([]);
  });

  it('goes to the next at once when it is released, and its tokens grow', async () => {
    const first = await consul.lock('at-once');
    const waiting = other.lock('at-once');
    await sleep(300);
    const began = performance.now();
    await first.release();
    const second = await waiting;
    const took = performance.now() - began;
    console.log(`a released lock is had by the next after ${took.toFixed(1)} ms`);
    expect(took).toBeLessThan(1_000);
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    expect(second.lockIndex).toBe(first.lockIndex + 1);
    await second.release();
  });

  it('comes in the end to each of those who wait, one at a time', async () => {
    let holders = 0;
    const tokens: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const held = await (i % 2 === 0 ? consul : other).lock('crowd');
        expect(++holders).toBe(1);
        tokens.push(held.fencingToken);
        await sleep(5);
        holders--;
        await held.release();
      }),
    );
    expect(new Set(tokens).size).toBe(10);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  });

  it('is told to be lost at once when its session is destroyed by hand; the next has it after the lock delay', async () => {
    const held = await consul.lock('by-hand', { ttl, lockDelay: 3_000 });
    const loss = lossOf(held);
    const waiting = other.lock('by-hand', { ttl }).then((lock) => ({ lock, at: Date.now() }));
    await sleep(300);
    const ended = Date.now();
    await agent.http('PUT', `/v1/session/destroy/${held.session}`);
    const { at, reason } = await loss;
    expect(at - ended).toBeLessThan(1_000);
    expect(reason.message).toContain('The lock by-hand was lost');
    const next = await waiting;
    console.log(
      `destroyed by hand: told after ${at - ended} ms, had by the next after ${next.at - ended} ms`,
    );
    expect(next.at - ended).toBeGreaterThanOrEqual(2_900);
    expect(next.at - ended).toBeLessThan(6_000);
    await next.lock.release();
  });

  it('has no delay where none is wanted', async () => {
    const held = await consul.lock('no-delay', { lockDelay: 0 });
    const waiting = other.lock('no-delay');
    await sleep(300);
    const ended = Date.now();
    await agent.http('PUT', `/v1/session/destroy/${held.session}`);
    const next = await waiting;
    expect(Date.now() - ended).toBeLessThan(2_000);
    await next.release();
  });

  it('is told to be lost at once when its key is deleted by hand', async () => {
    const held = await consul.lock('deleted');
    const loss = lossOf(held);
    const ended = Date.now();
    await agent.http('DELETE', '/v1/kv/deleted');
    expect((await loss).at - ended).toBeLessThan(1_000);
    const next = await other.lock('deleted');
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
    await next.release();
    await held.release();
  });

  it('is given up with its client, and had by the next after the lock delay', async () => {
    const short = createConsul({ address: agent.httpAddress });
    const held = await short.lock('closed', { lockDelay: 1_000 });
    const waiting = other.lock('closed');
    await sleep(300);
    const began = Date.now();
    await short.close();
    expect(held.signal.reason).toMatchObject({ code: 'ERR_CLOSED' });
    const next = await waiting;
    expect(Date.now() - began).toBeGreaterThanOrEqual(900);
    expect(Date.now() - began).toBeLessThan(4_000);
    await next.release();
  });

  it('outlives its TTL, and an agent that is restarted meanwhile', async () => {
    const held = await consul.lock('kept', { ttl });
    const waiting = new AbortController();
    const never = expect(other.lock('kept', { ttl, signal: waiting.signal })).rejects.toBe('enough');
    await sleep(3_000);
    await agent.restart();
    await sleep(23_000);
    expect(held.signal.aborted).toBe(false);
    const [entry] = await agent.http<{ Session: string }[]>('GET', '/v1/kv/kept');
    expect(entry?.Session).toBe(held.session);
    waiting.abort('enough');
    await never;
    await held.release();
    await expect.poll(() => agent.http('GET', '/v1/session/list')).toEqual([]);
  }, 120_000);

  it('is told to be lost before another can have it, when its agent is frozen', async (context) => {
    if (agent.pid === undefined) {
      console.warn('skipped: an agent in Docker cannot be frozen from here');
      return context.skip();
    }
    const held = await consul.lock('frozen', { ttl, lockDelay: 1_000 });
    const loss = lossOf(held);
    const waiting = other
      .lock('frozen', { ttl, lockDelay: 1_000 })
      .then((lock) => ({ lock, at: Date.now() }));
    await sleep(500);
    const frozen = Date.now();
    process.kill(agent.pid, 'SIGSTOP');
    const { at, reason } = await loss.finally(() => process.kill(agent.pid!, 'SIGCONT'));
    expect(reason).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect(at - frozen).toBeLessThanOrEqual(ttl + 500);
    expect(at - frozen).toBeGreaterThan(ttl - 2_000);
    const next = await waiting;
    console.log(`agent frozen: told after ${at - frozen} ms, had by another ${next.at - at} ms later`);
    // Not before the lock delay is over.
    expect(next.at - at).toBeGreaterThanOrEqual(1_000);
    await next.lock.release();
    await expect.poll(() => agent.http('GET', '/v1/session/list'), { timeout: 30_000 }).toEqual([]);
  }, 120_000);

  it('is respected by `consul lock`, and respects it', async (context) => {
    if (consulBinary.kind !== 'binary') {
      console.warn('skipped: no consul binary here, only an image');
      return context.skip();
    }
    const { path } = consulBinary;
    const byCommandLine = (command: string) =>
      run(path, ['lock', `-http-addr=${agent.httpAddress}`, 'cli', command], { timeout: 60_000 });
    const held = await consul.lock('cli/.lock');
    let ran = false;
    const done = byCommandLine('true').then(() => {
      ran = true;
    });
    await sleep(2_000);
    expect(ran).toBe(false);
    await held.release();
    await done;
    const working = byCommandLine('sleep 2');
    await expect
      .poll(async () => (await consul.kv.get('cli/.lock'))?.session, { timeout: 10_000 })
      .toBeTypeOf('string');
    const began = Date.now();
    const ours = await consul.lock('cli/.lock');
    expect(Date.now() - began).toBeGreaterThan(500);
    await working;
    await ours.release();
  }, 120_000);
});

describeWithConsul('one lock and several processes', () => {
  let agent: Agent;
  let built: Awaited<ReturnType<typeof bundle>>;
  let directory: string;
  let journal: string;
  const children: Child[] = [];

  beforeAll(async () => {
    agent = await startAgent();
    built = await bundle();
  });
  afterAll(async () => {
    await built.remove();
    await agent.stop();
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'consul-lock-'));
    journal = join(directory, 'journal');
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      await child.ended();
    }
    rmSync(directory, { recursive: true });
  });

  /** Takes the lock, writes down when it began and ended to work under it, and does so again until it is told to stop. */
  function worker(name: string, key: string, options: object, hold: string): Child {
    const child = new Child(`
      import { appendFileSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { createConsul } from '${built.url('consul')}';
      const note = (what, token) => appendFileSync(${JSON.stringify(journal)}, \`${name} \${what} \${Date.now()} \${token}\\n\`);
      const consul = createConsul({ address: '${agent.httpAddress}' });
      let stop = false;
      process.stdin.on('end', () => { stop = true; }).resume();
      console.log('started');
      while (!stop) {
        const held = await consul.lock('${key}', ${JSON.stringify(options)});
        const lost = new Promise((resolve) => held.signal.addEventListener('abort', resolve));
        note('begin', held.fencingToken);
        console.log('holds');
        await Promise.race([lost, ${hold}]);
        note('end', held.fencingToken);
        console.log(held.signal.aborted ? 'lost' : 'released');
        await held.release();
      }
      await consul.close();
      process.stdin.destroy();
    `);
    children.push(child);
    return child;
  }

  interface Term {
    readonly who: string;
    readonly from: number;
    readonly token: number;
    to: number;
  }

  function terms(): Term[] {
    const all: Term[] = [];
    for (const line of readFileSync(journal, 'utf8').trim().split('\n')) {
      const [who = '', what, at, token] = line.split(' ');
      if (what === 'begin')
        all.push({ who, from: Number(at), token: Number(token), to: Number.POSITIVE_INFINITY });
      else all.findLast((term) => term.who === who)!.to = Number(at);
    }
    return all.sort((a, b) => a.from - b.from);
  }

  function expectNeverTwo(all: readonly Term[]): void {
    for (const [i, term] of all.slice(1).entries()) {
      expect(term.from, `${term.who} after ${all[i]!.who}`).toBeGreaterThanOrEqual(all[i]!.to);
      expect(term.token).toBeGreaterThan(all[i]!.token);
    }
  }

  it('under contention: never two at once, and each has its turn', async () => {
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) worker(name, 'contended', { ttl }, 'sleep(20)');
    for (const child of children) await child.says('holds');
    await sleep(4_000);
    const all = terms();
    expectNeverTwo(all.slice(0, -1));
    const turns = names.map((name) => all.filter(({ who }) => who === name).length);
    console.log(`4 processes, turns in some 4 s: ${turns.join(', ')}`);
    expect(Math.min(...turns)).toBeGreaterThan(0);
  }, 60_000);

  it.each([
    ['killed', 'SIGKILL'],
    ['stopped for longer than it may', 'SIGSTOP'],
  ] as const)(
    'whose holder is %s: another has it within twice the TTL and the lock delay, and never both',
    async (_what, signal) => {
      const lockDelay = 2_000;
      const first = worker('first', signal, { ttl, lockDelay }, 'new Promise(() => {})');
      await first.says('holds');
      const second = worker('second', signal, { ttl, lockDelay }, 'new Promise(() => {})');
      await second.says('started');
      await sleep(5_000);
      const killed = Date.now();
      first.kill(signal);
      await second.says('holds');
      const [before, after] = terms();
      const took = after!.from - killed;
      console.log(
        `holder gone by ${signal}: the other has it after ${took} ms (TTL ${ttl}, lock delay ${lockDelay})`,
      );
      expect(took).toBeLessThanOrEqual(2 * ttl + lockDelay + 2_000);
      // The last renewal may have been a third of the TTL before.
      expect(took).toBeGreaterThanOrEqual((2 / 3) * ttl + lockDelay - 500);
      expect(after!.token).toBeGreaterThan(before!.token);
      if (signal === 'SIGKILL') return;
      // It wakes, and hears of its loss before anything else.
      const woken = Date.now();
      first.kill('SIGCONT');
      await first.says('lost');
      expect(terms()[0]!.to - woken).toBeLessThan(1_000);
    },
    120_000,
  );
});

describeWithConsul('leader election on real Consul', () => {
  it('has one leader at a time, and a new one after each loss', async () => {
    const agent = await startAgent();
    const clients = Array.from({ length: 3 }, () => createConsul({ address: agent.httpAddress }));
    const end = new AbortController();
    let leaders = 0;
    const terms: string[] = [];
    try {
      const all = clients.map((consul, i) =>
        consul.lead(
          'leader',
          async ({ signal, lock }) => {
            terms.push(`${i}`);
            expect(++leaders).toBe(1);
            await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
            leaders--;
            expect(lock.key).toBe('leader');
          },
          { signal: end.signal, lockDelay: 0 },
        ),
      );
      const results = Promise.allSettled(all);
      for (let term = 1; term <= 5; term++) {
        await expect.poll(() => terms.length, { timeout: 10_000 }).toBe(term);
        await agent.http('DELETE', '/v1/kv/leader');
      }
      await expect.poll(() => terms.length, { timeout: 10_000 }).toBe(6);
      end.abort('enough');
      for (const result of await results)
        expect(result).toMatchObject({ status: 'rejected', reason: 'enough' });
      await expect.poll(() => agent.http('GET', '/v1/session/list')).toEqual([]);
    } finally {
      for (const consul of clients) await consul.close();
      await agent.stop();
    }
  }, 120_000);
});
