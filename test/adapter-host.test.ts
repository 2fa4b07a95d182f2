import { afterEach, describe, expect, it } from 'vitest';
import { hostOf } from '../src/adapter-host.ts';
import { createDiscovery, type Discovery } from '../src/index.ts';
import type { Change } from '../src/snapshot.ts';
import { letters, readyWorld } from './service-world.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

const failure = { ok: false, elapsed: 1 };

describe('a service used through an adapter', () => {
  it('is the same one that discovery.service() gives', async () => {
    const { discovery, web } = await readyWorld();
    expect(hostOf(discovery, 'test').service('web.service.consul')).toBe(web);
  });

  it('ejects from then on, where nobody said anything of that', async () => {
    const { discovery, web } = await readyWorld();
    const [first] = web.endpoints;
    for (let i = 0; i < 20; i++) web.report(first!, failure);
    expect(letters(web.available)).toBe('abc');
    hostOf(discovery, 'test').service('web.service.consul');
    for (let i = 0; i < 5; i++) web.report(first!, failure);
    expect(letters(web.available)).toBe('bc');
    expect(web.stats().ejected).toBe(1);
  });

  it('ejects as it was told to, or never', async () => {
    const told = await readyWorld({ outlier: { consecutiveFailures: 2 } });
    hostOf(told.discovery, 'test').service('web.service.consul');
    for (let i = 0; i < 2; i++) told.web.report(told.web.endpoints[0]!, failure);
    expect(letters(told.web.available)).toBe('bc');

    const never = await readyWorld({ outlier: false });
    hostOf(never.discovery, 'test').service('web.service.consul');
    for (let i = 0; i < 50; i++) never.web.report(never.web.endpoints[0]!, failure);
    expect(letters(never.web.available)).toBe('abc');
  });

  it('goes on ejecting where it is asked for again: what was heard is not forgotten', async () => {
    const { discovery, web } = await readyWorld();
    const host = hostOf(discovery, 'test');
    for (let i = 0; i < 5; i++) {
      host.service('web.service.consul');
      web.report(web.endpoints[0]!, failure);
    }
    expect(letters(web.available)).toBe('bc');
  });

  it('by a port of its own is another service, whose endpoints have that port', async () => {
    const { discovery, web } = await readyWorld();
    const host = hostOf(discovery, 'test');
    const other = host.service('web.service.consul', 9_999);
    await other.ready();
    expect(other).not.toBe(web);
    expect(host.service('WEB.service.consul', 9_999)).toBe(other);
    expect(other.endpoints.map(({ port }) => port)).toEqual([9_999, 9_999, 9_999]);
    expect(other.endpoints.map(({ host }) => host)).toEqual(web.endpoints.map(({ host }) => host));
    other.close();
    expect(host.service('web.service.consul', 9_999)).not.toBe(other);
  });
});

describe('a follower of a service', () => {
  it('hears of every change and of the end, and keeps nobody awake', async () => {
    const { clock, source, web } = await readyWorld({}, 'ab', { idle: 20_000 });
    const heard: (Change | 'closed')[] = [];
    web.follow({ changed: (change) => heard.push(change), closed: () => heard.push('closed') });
    source.answer = 'bc';
    await web.refresh();
    expect(heard).toMatchObject([{ why: 'resolved' }]);
    const [change] = heard as [Change];
    expect([letters(change.added), letters(change.removed)]).toEqual(['c', 'a']);
    await clock.advance(200_000);
    expect(web.stats().idle).toBe(true);
    web.close();
    expect(heard.at(-1)).toBe('closed');
  });

  it('that let go hears nothing more', async () => {
    const { source, web } = await readyWorld();
    const heard: unknown[] = [];
    web.follow({ changed: (change) => heard.push(change), closed: () => heard.push('closed') })();
    source.answer = 'b';
    await web.refresh();
    web.close();
    expect(heard).toEqual([]);
  });
});

describe('what an adapter holds', () => {
  it('is drained by discovery.close(), which waits for it', async () => {
    const { discovery } = await readyWorld();
    let end = () => {};
    const said: string[] = [];
    hostOf(discovery, 'test').onClose(async () => {
      said.push('draining');
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      said.push('drained');
    });
    const closed = discovery.close().then(() => said.push('closed'));
    await Promise.resolve();
    expect(said).toEqual(['draining']);
    end();
    await closed;
    expect(said).toEqual(['draining', 'drained', 'closed']);
  });

  it('is nobody’s any more once it was taken back', async () => {
    const { discovery } = await readyWorld();
    let drained = false;
    const takeBack = hostOf(discovery, 'test').onClose(async () => {
      drained = true;
    });
    takeBack();
    await discovery.close();
    expect(drained).toBe(false);
  });

  it('cannot be held for a discovery that was closed', async () => {
    const discovery = createDiscovery({ addresses: ['127.0.0.1:1'] });
    const host = hostOf(discovery, 'test');
    await discovery.close();
    expect(() => host.onClose(async () => {})).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => host.service('web.service.consul')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });
});

describe('an adapter', () => {
  it('refuses what is no discovery', () => {
    for (const other of [undefined, null, {}, 'http://127.0.0.1:8500']) {
      expect(() => hostOf(other, 'createDispatcher')).toThrow(
        expect.objectContaining({
          code: 'ERR_INVALID_OPTION',
          message: expect.stringContaining('createDispatcher: expected the discovery'),
        }),
      );
    }
  });
});
