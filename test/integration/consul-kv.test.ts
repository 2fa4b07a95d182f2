import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Consul, createConsul, type KvEntry } from '../../src/consul/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';
import { CountingProxy } from './counting-proxy.ts';

describeWithConsul("Consul's KV store", () => {
  let agent: Agent;
  let consul: Consul;
  let other: Consul;
  let proxy: CountingProxy;

  beforeAll(async () => {
    agent = await startAgent();
    other = createConsul({ address: agent.httpAddress });
  });
  afterAll(async () => {
    await other.close();
    await agent.stop();
  });
  beforeEach(async () => {
    proxy = await CountingProxy.before(agent.httpAddress);
    consul = createConsul({ address: proxy.address });
  });
  afterEach(async () => {
    await consul.close();
    await proxy.close();
  });

  /** As another client does. */
  const write = (key: string, value: string) => other.kv.put(key, value);

  describe('keys and values', () => {
    it.each([
      'plain',
      'with/slashes/in/it',
      'folder/',
      'sp ace',
      "per%cent?question#hash&and+plus=equals:colon;semi,comma'quote",
      'grüße/😀',
      '...',
      'a.b/.c/..d',
    ])('%j is written, read, listed and deleted', async (key) => {
      expect(await consul.kv.put(key, 'välue', { flags: 42 })).toBe(true);
      expect(await consul.kv.get(key)).toMatchObject({ key, value: 'välue', flags: 42, lockIndex: 0 });
      expect(await consul.kv.keys(key)).toEqual([key]);
      expect((await consul.kv.list(key)).map(({ key: name }) => name)).toEqual([key]);
      expect(await consul.kv.delete(key)).toBe(true);
      expect(await consul.kv.get(key)).toBeUndefined();
    });

    it('hold any bytes, none, and at most 512 KiB', async () => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      await consul.kv.put('bytes', all);
      expect([...(await consul.kv.get('bytes'))!.bytes]).toEqual([...all]);
      await consul.kv.put('bytes', '');
      expect((await consul.kv.get('bytes'))!.bytes).toHaveLength(0);
      const largest = Buffer.alloc(524_288, 'x');
      expect(await consul.kv.put('bytes', largest)).toBe(true);
      expect((await consul.kv.get('bytes'))!.bytes).toHaveLength(524_288);
      await expect(
        consul.request('PUT', '/v1/kv/bytes', { body: Buffer.alloc(524_289, 'x') }),
      ).rejects.toMatchObject({ status: 413 });
    });

    it('change only where nobody else was faster', async () => {
      const { kv } = consul;
      expect(await kv.put('cas', '1', { cas: 0 })).toBe(true);
      expect(await kv.put('cas', '2', { cas: 0 })).toBe(false);
      const { modifyIndex } = (await kv.get('cas'))!;
      expect(await kv.put('cas', '2', { cas: modifyIndex })).toBe(true);
      expect(await kv.put('cas', '3', { cas: modifyIndex })).toBe(false);
      expect(await kv.delete('cas', { cas: modifyIndex })).toBe(false);
      expect((await kv.get('cas'))!.value).toBe('2');
      expect(await kv.delete('cas', { cas: (await kv.get('cas'))!.modifyIndex })).toBe(true);
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, i) => kv.put('one', String(i), { cas: 0 })),
      );
      expect(all.filter(Boolean)).toHaveLength(1);
    });

    it('are listed as directories', async () => {
      for (const key of ['dir/a', 'dir/b/1', 'dir/b/2', 'dirt']) await consul.kv.put(key, key);
      expect(await consul.kv.keys('dir/', { separator: '/' })).toEqual(['dir/a', 'dir/b/']);
      expect((await consul.kv.list('dir/')).map(({ value }) => value)).toEqual([
        'dir/a',
        'dir/b/1',
        'dir/b/2',
      ]);
      expect(await consul.kv.delete('dir/', { recurse: true })).toBe(true);
      expect(await consul.kv.keys('dir')).toEqual(['dirt']);
    });

    it('hold JSON', async () => {
      await consul.kv.putJson('json', { limit: 5 });
      expect(await consul.kv.getJson('json')).toEqual({ limit: 5 });
      expect(await consul.kv.getJson('away')).toBeUndefined();
      await write('json', '{');
      await expect(consul.kv.getJson('json')).rejects.toMatchObject({ code: 'ERR_CONSUL' });
    });
  });

  describe('a watch', () => {
    it('of 10 000 writes by another client sees the last value, and each later than the one before', async () => {
      const seen: KvEntry[] = [];
      const watched = (async () => {
        for await (const entry of consul.kv.watch('busy')) {
          if (entry !== undefined) seen.push(entry);
          if (entry?.value === 'last') return;
        }
      })();
      let next = 0;
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (next < 9_999) await write('busy', String(next++));
        }),
      );
      await write('busy', 'last');
      await watched;
      const indexes = seen.map(({ modifyIndex }) => modifyIndex);
      expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b));
      console.log(`10 000 writes: ${seen.length} values seen by ${proxy.asked.length} requests`);
    });

    it('sees every change where there is time between them', async () => {
      const seen: (string | undefined)[] = [];
      const changes = consul.kv.watch('slow');
      const next = async () => {
        const { value } = await changes.next();
        seen.push((value as KvEntry | undefined)?.value);
      };
      await next();
      for (const value of ['1', '2', undefined, '3']) {
        const awaited = next();
        if (value === undefined) await other.kv.delete('slow');
        else await write('slow', value);
        await awaited;
      }
      await changes.return();
      expect(seen).toEqual([undefined, '1', '2', undefined, '3']);
    });

    it('that is idle asks less than once a second, and still hears', async () => {
      await write('idle', '1');
      const seen: (string | undefined)[] = [];
      const end = new AbortController();
      const all = ['idle', 'away'].map(async (key) => {
        for await (const entry of consul.kv.watch(key, { signal: end.signal })) seen.push(entry?.value);
      });
      const results = Promise.allSettled(all);
      await expect.poll(() => seen.length).toBe(2);
      const before = proxy.asked.length;
      // Longer than an idle connection is kept.
      await sleep(20_000);
      expect(proxy.asked.length - before).toBeLessThanOrEqual(4);
      await write('idle', '2');
      await write('away', '3');
      await expect.poll(() => [...seen].sort()).toEqual(['1', '2', '3', undefined]);
      end.abort();
      await results;
    });

    it('is not kept busy by what else is written', async () => {
      await write('noise/quiet', '1');
      const end = new AbortController();
      const seen: (string | undefined)[] = [];
      const all = ['noise/quiet', 'noise/away'].map(async (key) => {
        for await (const entry of consul.kv.watch(key, { signal: end.signal })) seen.push(entry?.value);
      });
      const results = Promise.allSettled(all);
      await expect.poll(() => seen.length).toBe(2);
      const before = proxy.asked.length;
      const until = Date.now() + 10_000;
      for (let i = 0; Date.now() < until; i++) await write(`noise/${i % 10}`, String(i));
      const asked = proxy.asked.length - before;
      console.log(`10 s of other writes: ${asked} requests by two watches`);
      // Some at first, then one a second.
      expect(asked).toBeLessThan(40);
      await write('noise/away', '2');
      await expect.poll(() => seen.length, { timeout: 3_000 }).toBe(3);
      end.abort();
      await results;
    });

    it('of a prefix sees keys come, change and go', async () => {
      const changes = consul.kv.watchList('list/');
      const next = async () =>
        ((await changes.next()).value as KvEntry[]).map(({ key, value }) => `${key}=${value}`);
      expect(await next()).toEqual([]);
      await write('list/a', '1');
      expect(await next()).toEqual(['list/a=1']);
      await write('list/b', '2');
      expect(await next()).toEqual(['list/a=1', 'list/b=2']);
      await write('other', 'x');
      await agent.http('DELETE', '/v1/kv/list/a');
      expect(await next()).toEqual(['list/b=2']);
      await changes.return();
    });

    it('waits for one change', async () => {
      await write('once', '1');
      const { modifyIndex } = (await consul.kv.get('once'))!;
      const waiting = consul.kv.wait('once', modifyIndex);
      await write('once', '2');
      expect((await waiting)?.value).toBe('2');
      await expect(
        consul.kv.wait('once', modifyIndex, { signal: AbortSignal.timeout(5_000) }),
      ).resolves.toMatchObject({
        value: '2',
      });
      const appearing = consul.kv.wait('appears', 0);
      await write('appears', '1');
      expect((await appearing)?.value).toBe('1');
      await expect(consul.kv.wait('never', 0, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
        name: 'TimeoutError',
      });
    });

    it('sees a snapshot restored, whose indexes are behind', async () => {
      await write('restored', 'before');
      const snapshot = await consul.request<Buffer>('GET', '/v1/snapshot', { as: 'bytes' });
      await write('restored', 'after');
      const changes = consul.kv.watch('restored');
      expect((await changes.next()).value?.value).toBe('after');
      const next = changes.next();
      await sleep(200);
      const began = Date.now();
      await consul.request('PUT', '/v1/snapshot', { body: snapshot.body });
      expect((await next).value?.value).toBe('before');
      console.log(`a restored snapshot was seen after ${Date.now() - began} ms`);
      expect(Date.now() - began).toBeLessThan(10_000);
      const later = changes.next();
      await write('restored', 'later');
      expect((await later).value?.value).toBe('later');
      await changes.return();
    }, 120_000);
  });

  describe('a live configuration', () => {
    it('follows its key, and keeps the last valid value', async () => {
      const errors: unknown[] = [];
      using config = consul.liveConfig('app/config', (text) => JSON.parse(text) as { limit: number }, {
        onError: (error) => errors.push(error),
      });
      const ready = config.ready();
      await write('app/config', '{"limit":1}');
      expect(await ready).toEqual({ limit: 1 });
      await write('app/config', 'broken');
      await expect.poll(() => errors.length).toBe(1);
      expect(config.value).toEqual({ limit: 1 });
      await agent.http('DELETE', '/v1/kv/app/config');
      await expect.poll(() => errors.length).toBe(2);
      expect(config.value).toEqual({ limit: 1 });
      await write('app/config', '{"limit":2}');
      await expect.poll(() => config.value).toEqual({ limit: 2 });
      expect(config.error).toBeUndefined();
    });
  });
});

describeWithConsul('an agent that is restarted', () => {
  it.each([
    ['with its data', false],
    ['without: it counts from the beginning', true],
  ])(
    '%s, is found again by what watches',
    async (_what, dev) => {
      const agent = await startAgent({ dev });
      const consul = createConsul({ address: agent.httpAddress });
      const errors: unknown[] = [];
      const onError = (error: unknown) => errors.push(error);
      try {
        for (let i = 0; i < 20; i++) await consul.kv.put('other', String(i));
        await consul.kv.put('a', 'before');
        using config = consul.liveConfig('a', String, { onError });
        await config.ready();
        const changes = consul.kv.watch('a', { onError });
        expect((await changes.next()).value?.value).toBe('before');
        const next = changes.next();
        await agent.kill();
        await expect.poll(() => errors.length).toBe(2);
        expect(config.value).toBe('before');
        await agent.restart();
        if (dev) expect((await next).value).toBeUndefined();
        const after = dev ? changes.next() : next;
        await consul.kv.put('a', 'after');
        expect((await after).value?.value).toBe('after');
        await expect.poll(() => config.value, { timeout: 40_000 }).toBe('after');
        expect(config.error).toBeUndefined();
        // One for each of the two, however many tries it took; whether the key was seen to be away depends on when it was looked at.
        expect(errors.filter((error) => !(error as Error).message.includes('was deleted'))).toHaveLength(2);
      } finally {
        await consul.close();
        await agent.stop();
      }
    },
    180_000,
  );
});
