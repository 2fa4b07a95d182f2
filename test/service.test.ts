import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import { type DiscoveryOptions, type DiscoveryWarning, fastest } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, letterOf } from './lists.ts';
import { notFound, type ScriptedSource, scriptedSource, unreachable } from './scripted-source.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function world(options: DiscoveryOptions = {}, source: ScriptedSource = scriptedSource()) {
  const clock = createFakeClock();
  const warnings: DiscoveryWarning[] = [];
  const all = {
    source,
    onWarning: (warning: DiscoveryWarning) => void warnings.push(warning),
    ttl: { jitter: 0 },
    ...options,
  };
  const discovery = createDiscoveryIn({ clock, random: createRandom(1) }, all);
  open.push(discovery);
  return { clock, source, warnings, discovery, web: () => discovery.service('web') };
}

const letters = (endpoints: readonly { host: string }[]) =>
  endpoints.map(({ host }) => letterOf(host)).join('');
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error) => error.code ?? error,
  );

describe('ready', () => {
  it('resolves with the first list', async () => {
    const { web } = world();
    await web().ready();
    expect(letters(web().endpoints)).toBe('abc');
  });

  it('fails fast when Consul has nothing under the name, and asks again when called again', async () => {
    const { web, source } = world({}, scriptedSource(notFound()));
    expect(await codeOf(web().ready())).toBe('ERR_SERVICE_NOT_FOUND');
    source.answer = 'a';
    expect(await codeOf(web().ready())).toBe('fine');
  });

  it('fails fast when nobody answers', async () => {
    expect(await codeOf(world({}, scriptedSource(unreachable())).web().ready())).toBe('ERR_UNREACHABLE');
  });

  it('with a timeout waits for a first healthy instance', async () => {
    const { web, source, clock } = world({}, scriptedSource(notFound()));
    const ready = codeOf(web().ready({ timeout: 30_000 }));
    await clock.advance(9_000);
    source.answer = 'a';
    await clock.advance(10_000);
    expect(await ready).toBe('fine');
  });

  it('with a timeout says in the end what the last answer was', async () => {
    const { web, clock } = world({}, scriptedSource(notFound()));
    const ready = web()
      .ready({ timeout: 5_000 })
      .catch((error) => error);
    await clock.advance(5_000);
    expect(await ready).toMatchObject({
      code: 'ERR_READY_TIMEOUT',
      message: expect.stringContaining('NXDOMAIN'),
    });
  });

  it("leaves with its signal's reason, and others go on waiting", async () => {
    const { web, source } = world();
    const release = source.hold();
    const leaver = new AbortController();
    const leaving = codeOf(web().ready({ signal: leaver.signal }));
    const staying = web().ready();
    leaver.abort('enough');
    expect(await leaving).toBe('enough');
    release();
    await staying;
    expect(source.asked).toHaveLength(1);
  });
});

describe('pick', () => {
  it('before the first list says that ready() was not awaited', () => {
    const { web, source } = world();
    source.hold();
    expect(() => web().pick()).toThrowError(
      expect.objectContaining({
        code: 'ERR_NO_ENDPOINTS',
        message: expect.stringContaining('await service.ready()'),
      }),
    );
  });

  it('with an empty list says what was asked and answered', async () => {
    const { web } = world({}, scriptedSource(notFound()));
    await web()
      .ready()
      .catch(() => {});
    expect(() => web().pick()).toThrowError(
      expect.objectContaining({ code: 'ERR_NO_ENDPOINTS', message: expect.stringContaining('NXDOMAIN') }),
    );
  });

  it('takes each in turn by default', async () => {
    const { web } = world();
    await web().ready();
    expect('abcabcabc').toContain(letters(Array.from({ length: 6 }, () => web().pick())));
  });

  it('gives endpoints with all that is known of them', async () => {
    const { web } = world(
      {},
      scriptedSource({ addresses: [address('a', { weight: 3, node: 'n1', tags: ['v1'], target: 't' })] }),
    );
    await web().ready();
    const endpoint = web().pick();
    expect(endpoint).toMatchObject({
      host: '10.0.0.1',
      port: 80,
      address: '10.0.0.1:80',
      weight: 3,
      node: 'n1',
      tags: ['v1'],
      target: 't',
    });
    expect(JSON.parse(JSON.stringify(endpoint))).toMatchObject({
      address: '10.0.0.1:80',
      weight: 3,
      node: 'n1',
      tags: ['v1'],
    });
    expect(inspect(endpoint)).toContain("node: 'n1'");
    expect([endpoint.url(), endpoint.url('/users/1'), endpoint.url('x', 'https')]).toEqual([
      'http://10.0.0.1:80/',
      'http://10.0.0.1:80/users/1',
      'https://10.0.0.1:80/x',
    ]);
  });
});

describe('refreshing', () => {
  it('asks again before the list runs out, on and on', async () => {
    const { web, source, clock } = world();
    await web().ready();
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000);
      web().pick();
    }
    // Every 8…9 s of a TTL of 10 s; the first one sooner.
    expect(source.asked.length).toBeGreaterThan(300 / 9);
    expect(source.asked.length).toBeLessThan(2 + 300 / 8);
    expect(source.asked.slice(1).every(({ background }) => background)).toBe(true);
  });

  it('spreads the first refreshes of services that started together', async () => {
    const { discovery, source, clock } = world();
    await Promise.all(Array.from({ length: 100 }, (_, i) => discovery.service(`s${i}`).ready()));
    const perSecond: number[] = [];
    for (let second = 0; second < 9; second++) {
      const before = source.asked.length;
      await clock.advance(1_000);
      perSecond.push(source.asked.length - before);
    }
    expect(Math.max(...perSecond)).toBeLessThan(30);
    expect(perSecond.filter((count) => count > 0).length).toBeGreaterThanOrEqual(8);
  });

  it('keeps the endpoint object of a survivor, shows its newest description, and keeps the snapshot when nothing changed', async () => {
    const { web, source } = world();
    await web().ready();
    const [a] = web().endpoints;
    const { version } = web().snapshot;
    source.answer = 'cba';
    await web().refresh();
    expect(web().snapshot.version).toBe(version);
    source.answer = { addresses: [address('d'), address('a', { weight: 9 })] };
    await web().refresh();
    expect(web().endpoints[0]).toBe(a);
    expect(a!.weight).toBe(9);
    expect(web().snapshot.version).toBe(version + 1);
  });

  it('always asks when told to, and asks once for all who tell it at the same time', async () => {
    const { web, source } = world();
    await web().ready();
    await Promise.all(Array.from({ length: 20 }, () => web().refresh()));
    expect(source.asked).toHaveLength(2);
    await web().refresh();
    expect(source.asked).toHaveLength(3);
  });

  it('rejects a refresh that failed; the list stays', async () => {
    const { web, source } = world();
    await web().ready();
    source.answer = unreachable();
    expect(await codeOf(web().refresh())).toBe('ERR_UNREACHABLE');
    expect(letters(web().endpoints)).toBe('abc');
    expect(web().snapshot).toMatchObject({ stale: true });
  });
});

describe('an outage of Consul', () => {
  it('costs nothing but freshness: the list stays, with one warning, and pick goes on', async () => {
    const { web, source, clock, warnings } = world();
    await web().ready();
    source.answer = unreachable();
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000);
      web().pick();
    }
    expect(letters(web().endpoints)).toBe('abc');
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE']);
    expect(web().snapshot.age).toBeGreaterThan(590_000);
  });

  it('is one warning for many services, and a second outage is a second one', async () => {
    const { discovery, source, clock, warnings } = world();
    const services = Array.from({ length: 20 }, (_, i) => discovery.service(`s${i}`));
    await Promise.all(services.map((service) => service.ready()));
    for (const answer of [unreachable(), 'ab', unreachable()]) {
      source.answer = answer;
      await clock.advance(40_000);
    }
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE', 'CONSUL_UNAVAILABLE']);
  });

  it('is asked through from 1 s upward, never slower than the refreshes and 10 s, and ends with the first answer', async () => {
    const { web, source, clock } = world({}, scriptedSource('abc', 60_000));
    await web().ready();
    await web().refresh();
    source.answer = unreachable();
    await clock.advance(60_000);
    const gaps: number[] = [];
    let seen = source.asked.length;
    let last = clock.now();
    while (gaps.length < 10) {
      await clock.advance(50);
      if (source.asked.length === seen) continue;
      seen = source.asked.length;
      gaps.push(clock.now() - last);
      last = clock.now();
    }
    expect(Math.max(...gaps)).toBeLessThanOrEqual(10_050);
    source.answer = 'd';
    await clock.advance(10_050);
    expect(letters(web().endpoints)).toBe('d');
    expect(web().snapshot.stale).toBe(false);
  });

  it('is over with any answer, also with one that there is nothing', async () => {
    const { web, source, clock, warnings } = world({}, scriptedSource(unreachable()));
    web();
    for (const answer of [unreachable(), notFound(), unreachable()]) {
      source.answer = answer;
      await clock.advance(30_000);
    }
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE', 'CONSUL_UNAVAILABLE']);
  });

  it('empties the list only after hold.error, where that is set', async () => {
    const { web, source, clock } = world({ hold: { error: 60_000 } });
    await web().ready();
    source.answer = unreachable();
    await clock.advance(59_999);
    expect(letters(web().endpoints)).toBe('abc');
    await clock.advance(1);
    expect(web().endpoints).toEqual([]);
    expect(() => web().pick()).toThrowError(expect.objectContaining({ code: 'ERR_NO_ENDPOINTS' }));
  });
});

describe('an answer that there is nothing (any more)', () => {
  it('is held off for hold.empty with a warning, then believed, within a second', async () => {
    const { web, source, clock, warnings } = world();
    await web().ready();
    source.answer = notFound();
    await web()
      .refresh()
      .catch(() => {});
    await clock.advance(29_000);
    expect(letters(web().endpoints)).toBe('abc');
    await clock.advance(2_000);
    expect(web().endpoints).toEqual([]);
    expect(warnings.map(({ code }) => code)).toEqual(['SERVICE_EMPTY']);
  });

  it('is forgotten when the list is back in time', async () => {
    const { web, source, clock } = world();
    await web().ready();
    source.answer = notFound();
    await clock.advance(20_000);
    source.answer = 'ab';
    await clock.advance(11_000);
    source.answer = notFound();
    await clock.advance(25_000);
    expect(letters(web().endpoints)).toBe('ab');
  });

  it('may come as an empty list from a source of one’s own', async () => {
    const { web, source, clock } = world();
    await web().ready();
    source.answer = '';
    await clock.advance(10_000);
    expect(letters(web().endpoints)).toBe('abc');
    await clock.advance(40_000);
    expect(web().endpoints).toEqual([]);
  });

  it('does not stop the asking: the service comes back by itself (T9)', async () => {
    const { web, source, clock } = world();
    await web().ready();
    source.answer = notFound();
    await clock.advance(100_000);
    expect(web().endpoints).toEqual([]);
    source.answer = 'a';
    await clock.advance(10_000);
    expect(letters(web().endpoints)).toBe('a');
  });
});

describe('a doubtful answer', () => {
  it('removes nobody until absences are enough', async () => {
    const { web, source } = world();
    await web().ready();
    source.answer = { addresses: [address('a'), address('d')], complete: false, omission: 1e-5 };
    await web().refresh();
    expect(letters(web().endpoints)).toBe('abcd');
    expect(web().snapshot.complete).toBe(false);
    await web().refresh();
    expect(letters(web().endpoints)).toBe('ad');
  });
});

describe('listening', () => {
  it('tells what was added, removed and changed, and why', async () => {
    const { web, source } = world();
    await web().ready();
    const listener = vi.fn();
    const stop = web().subscribe(listener);
    source.answer = { addresses: [address('a'), address('b', { weight: 5 }), address('d')] };
    await web().refresh();
    await web().refresh();
    expect(listener).toHaveBeenCalledTimes(1);
    const [snapshot, change] = listener.mock.calls[0]!;
    expect(letters(snapshot.endpoints)).toBe('abd');
    expect([letters(change.added), letters(change.removed), letters(change.changed), change.why]).toEqual([
      'd',
      'c',
      'b',
      'resolved',
    ]);
    stop();
    source.answer = 'x';
    await web().refresh();
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('survives a listener that throws, and says so', async () => {
    const { web, source, warnings } = world();
    await web().ready();
    const after = vi.fn();
    web().subscribe(() => {
      throw new Error('mine');
    });
    web().subscribe(after);
    source.answer = 'x';
    await web().refresh();
    expect(after).toHaveBeenCalledTimes(1);
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'LISTENER_FAILED', message: expect.stringContaining('mine') }),
    ]);
  });

  it('watches the newest list, never a backlog', async () => {
    const { web, source } = world();
    const service = web();
    const seen: string[] = [];
    for await (const { endpoints } of service.watch()) {
      seen.push(letters(endpoints));
      if (seen.length === 1) {
        for (const list of ['ab', 'abcd', 'x']) {
          source.answer = list;
          await service.refresh();
        }
      } else if (seen.length === 2) {
        break;
      }
    }
    expect(seen).toEqual(['abc', 'x']);
  });

  it('ends a watch with the service, and rejects it with the reason of its signal', async () => {
    const { discovery } = world();
    const closing = discovery.service('closing');
    await closing.ready();
    const ended = (async () => {
      for await (const _ of closing.watch()) setImmediate(() => closing.close());
      return 'ended';
    })();
    expect(await ended).toBe('ended');
    const leaver = new AbortController();
    const left = (async () => {
      for await (const _ of discovery.service('web').watch({ signal: leaver.signal }))
        setImmediate(() => leaver.abort('enough'));
    })();
    expect(await left.catch((reason) => reason)).toBe('enough');
  });
});

describe('a service nobody uses', () => {
  it('stops asking after `idle`, and resumes with the next pick, from the list it had', async () => {
    const { web, source, clock } = world({ idle: 60_000 });
    const service = web();
    await service.ready();
    await clock.advance(120_000);
    const asked = source.asked.length;
    expect(service.stats()).toMatchObject({ idle: true, nextRefresh: undefined });
    await clock.advance(600_000);
    expect(source.asked).toHaveLength(asked);
    expect(clock.pending).toBe(0);
    source.answer = 'd';
    expect('abc').toContain(letterOf(service.pick().host));
    await clock.advance(0);
    expect(source.asked).toHaveLength(asked + 1);
    expect(letters(service.endpoints)).toBe('d');
    await clock.advance(30_000);
    expect(source.asked.length).toBeGreaterThan(asked + 2);
  });

  it('is one that nobody picks from, listens to or waits for', async () => {
    const { discovery, source, clock } = world({ idle: 60_000 });
    const service = discovery.service('web');
    const stop = service.subscribe(() => {});
    await clock.advance(300_000);
    expect(service.stats().idle).toBe(false);
    stop();
    await clock.advance(120_000);
    expect(service.stats().idle).toBe(true);
    expect(source.asked.length).toBeGreaterThan(30);
  });
});

describe('use', () => {
  it('is reading the list, too', async () => {
    const { web, source, clock } = world({ idle: 60_000 });
    const service = web();
    await service.ready();
    for (let i = 0; i < 60; i++) {
      await clock.advance(10_000);
      if (i % 2 === 0) void service.endpoints;
      else void service.snapshot;
    }
    source.answer = 'ab';
    await clock.advance(10_000);
    expect(letters(service.endpoints)).toBe('ab');
  });

  it('is waiting in a watch, also after its consumer worked for longer than `idle`', async () => {
    const { web, source, clock } = world({ idle: 60_000 });
    const service = web();
    const watch = service.watch();
    expect(letters((await watch.next()).value!.endpoints)).toBe('abc');
    await clock.advance(300_000);
    expect(service.stats().idle).toBe(true);
    source.answer = 'ab';
    const next = watch.next();
    await clock.advance(1_000);
    expect(letters((await next).value!.endpoints)).toBe('ab');
    await watch.return();
  });
});

describe('a list that was denied', () => {
  it('does not come back from the cache', async () => {
    const { web, source, clock, discovery } = world({}, scriptedSource('abc', 60_000));
    await web().ready();
    source.answer = notFound();
    await web()
      .refresh()
      .catch(() => {});
    await clock.advance(31_000);
    expect(web().endpoints).toEqual([]);
    expect(await codeOf(web().ready())).toBe('ERR_SERVICE_NOT_FOUND');
    expect(await codeOf(discovery.resolve('web'))).toBe('ERR_SERVICE_NOT_FOUND');
  });
});

describe('age', () => {
  it('counts from when the source said so, not from when the cache repeated it', async () => {
    const { discovery, clock } = world();
    await discovery.resolve('web');
    await clock.advance(4_000);
    const service = discovery.service('web');
    await service.ready();
    expect(service.snapshot.age).toBe(4_000);
  });
});

describe('probes of an idle service', () => {
  it('stop with it and come back with it', async () => {
    let probes = 0;
    const probe = async () => ++probes;
    const { web, clock } = world({ idle: 20_000, balancer: fastest({ probe }) });
    await web().ready();
    await clock.advance(60_000);
    expect(web().stats().idle).toBe(true);
    const before = probes;
    expect(before).toBeGreaterThanOrEqual(9);
    await clock.advance(600_000);
    expect(probes).toBe(before);
    web().pick();
    await clock.advance(1_000);
    expect(probes).toBe(before + 3);
  });
});

describe('services that come and go in an outage', () => {
  it('do not make it several', async () => {
    const { discovery, warnings } = world({}, scriptedSource(unreachable()));
    for (const name of ['a', 'b', 'c', 'd']) {
      const service = discovery.service(name);
      await service.ready().catch(() => {});
      service.close();
    }
    expect(warnings).toHaveLength(1);
  });
});

describe('closing', () => {
  it('a service ends its asking, its waiters and its picks', async () => {
    const { discovery, source, clock } = world();
    const service = discovery.service('web');
    await service.ready();
    const release = source.hold();
    const refresh = codeOf(service.refresh());
    service.close();
    service.close();
    expect(await refresh).toBe('ERR_CLOSED');
    for (const use of [() => service.pick(), () => service.subscribe(() => {})]) {
      expect(use).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
    }
    for (const work of [service.ready(), service.refresh()]) expect(await codeOf(work)).toBe('ERR_CLOSED');
    release();
    await clock.advance(60_000);
    expect([source.asked.length, clock.pending]).toEqual([2, 0]);
  });

  it('comes before an answer that is there already', async () => {
    const { discovery, clock } = world();
    discovery.service('web', { addresses: ['10.0.0.1:80'] }).close();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it('makes room for a new one of the name', async () => {
    const { discovery } = world();
    const first = discovery.service('web');
    first.close();
    const second = discovery.service('web', { balancer: 'least-used' });
    expect(second).not.toBe(first);
    await second.ready();
  });
});

describe('stats', () => {
  it('show what the service did and when it goes on', async () => {
    const { web, source } = world();
    await web().ready();
    source.answer = unreachable();
    await web()
      .refresh()
      .catch(() => {});
    expect(web().stats()).toMatchObject({
      name: 'web.service.consul',
      endpoints: 3,
      refreshes: 1,
      failures: 1,
      stale: true,
      complete: true,
      lastError: expect.stringContaining('refused'),
      nextRefresh: expect.any(Number),
      idle: false,
    });
  });
});

describe('what could go wrong in a refresh loop', () => {
  it('a list from the cache with little time left does not make the retries of an outage any faster (T8)', async () => {
    const { discovery, source, clock } = world();
    await discovery.resolve('web');
    await clock.advance(9_995);
    await discovery.service('web').ready();
    source.answer = unreachable();
    const before = source.asked.length;
    await clock.advance(20_000);
    expect(source.asked.length - before).toBeLessThan(10);
  });

  it('a source whose TTL is no number is asked at the shortest interval, not in a loop', async () => {
    const { web, clock, source } = world({}, scriptedSource({ addresses: [address('a')], ttl: Number.NaN }));
    await web().ready();
    await clock.advance(60_000);
    expect(source.asked.length).toBeLessThan(18);
  });

  it('idle: 0 stops what nobody uses at once, and never what somebody waits for', async () => {
    const { web, source, clock } = world({ idle: 0 }, scriptedSource(notFound()));
    const ready = codeOf(web().ready({ timeout: 60_000 }));
    await clock.advance(3_000);
    source.answer = 'a';
    await clock.advance(10_000);
    expect(await ready).toBe('fine');
    await clock.advance(30_000);
    expect(web().stats().idle).toBe(true);
  });

  it('a list that has ended is neither complete nor of any source', async () => {
    const { web, source, clock } = world(
      {},
      scriptedSource({ addresses: [address('a')], origin: { server: 'x' } }),
    );
    expect(web().snapshot).toMatchObject({ complete: false, stale: true });
    await web().ready();
    expect(web().snapshot).toMatchObject({ complete: true, stale: false, source: { server: 'x' } });
    source.answer = notFound();
    await clock.advance(60_000);
    expect(web().snapshot).toMatchObject({ endpoints: [], complete: false, stale: true, source: undefined });
  });

  it('refresh() right after the start goes past the cache', async () => {
    const { discovery, source } = world();
    await discovery.resolve('web');
    source.answer = 'abcd';
    const service = discovery.service('web');
    expect(letters((await service.refresh()).endpoints)).toBe('abcd');
  });

  it('a balancer that throws is named in a warning; the refreshing goes on', async () => {
    const broken = () => ({
      update({ endpoints }: { endpoints: readonly unknown[] }) {
        if (endpoints.length !== 3) throw new Error('mine');
      },
      pick: () => undefined,
    });
    const { web, source, clock, warnings } = world({ balancer: broken as never }, scriptedSource());
    // The empty list at the start throws too: that is the maker's to see.
    expect(() => web()).toThrow('mine');
    const half = () => ({
      update({ endpoints }: { endpoints: readonly unknown[] }) {
        if (endpoints.length === 2) throw new Error('mine');
      },
      pick: () => undefined,
    });
    const other = world({ balancer: half as never }, scriptedSource());
    await other.web().ready();
    other.source.answer = 'ab';
    await other.clock.advance(60_000);
    expect(other.warnings.map(({ code }) => code)).toEqual(['BALANCER_FAILED']);
    expect(other.source.asked.length).toBeGreaterThan(5);
    expect([source.asked.length, clock.pending, warnings]).toEqual([0, 0, []]);
  });

  it('a listener may close the service', async () => {
    const { web, source, clock } = world();
    const service = web();
    await service.ready();
    service.subscribe(() => service.close());
    source.answer = 'x';
    await service.refresh();
    expect(() => service.pick()).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(clock.pending).toBe(0);
  });

  it('watches that came and went leave nothing behind, and no warning of too many listeners', async () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { web, clock } = world();
    const service = web();
    await service.ready();
    for (let i = 0; i < 30; i++) {
      for await (const _ of service.watch()) break;
      const leaver = new AbortController();
      const waiting = codeOf(service.ready({ signal: leaver.signal, timeout: 5_000 }));
      leaver.abort('enough');
      await waiting;
    }
    expect(emitted).not.toHaveBeenCalled();
    service.close();
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    emitted.mockRestore();
  });

  it('a waiter that leaves ready({ timeout }) lets the service become idle', async () => {
    const { web, clock } = world({ idle: 20_000 }, scriptedSource(notFound()));
    const leaver = new AbortController();
    const waiting = codeOf(web().ready({ signal: leaver.signal, timeout: 600_000 }));
    leaver.abort('enough');
    expect(await waiting).toBe('enough');
    await clock.advance(60_000);
    expect([web().stats().idle, clock.pending]).toEqual([true, 0]);
  });

  it('one service that always fails does not hide the next outage', async () => {
    const { discovery, source, clock, warnings } = world();
    const answer = source.resolve;
    source.resolve = (name, options) =>
      'service' in name && name.service === 'bad' ? Promise.reject(unreachable()) : answer(name, options);
    await discovery
      .service('bad')
      .ready()
      .catch(() => {});
    await discovery.service('web').ready();
    await clock.advance(60_000);
    expect(warnings.map(({ service }) => service)).toEqual(['bad.service.consul']);
    source.answer = unreachable();
    await clock.advance(60_000);
    expect(warnings.map(({ service }) => service)).toEqual(['bad.service.consul', 'web.service.consul']);
  });

  it('hold.error: 0 says that there is no list any more', async () => {
    const { web, source, warnings } = world({ hold: { error: 0 } });
    await web().ready();
    source.answer = unreachable();
    await web()
      .refresh()
      .catch(() => {});
    expect(web().endpoints).toEqual([]);
    expect(warnings[0]?.message).toContain('there is no list to use');
  });

  it('a list that ended by a failure does not come back from the cache', async () => {
    const { web, source, clock } = world({ hold: { error: 0 } }, scriptedSource('abc', 60_000));
    await web().ready();
    await clock.advance(1_000);
    source.answer = unreachable();
    expect(await codeOf(web().refresh())).toBe('ERR_UNREACHABLE');
    expect(await codeOf(web().ready())).toBe('ERR_UNREACHABLE');
    expect(web().endpoints).toEqual([]);
  });

  it('who has no list any more does not claim to remember earlier ones: the next is asked for as a first one', async () => {
    const { web, source, clock } = world();
    await web().ready();
    await web().refresh();
    expect(source.asked.map(({ continued }) => continued)).toEqual([false, true]);
    source.answer = notFound();
    await clock.advance(60_000);
    expect(web().endpoints).toEqual([]);
    source.answer = 'a';
    await web().refresh();
    expect(source.asked.at(-1)?.continued).toBe(false);
  });

  it('who waits for a first instance stands in no line behind the refreshes of others', async () => {
    const { discovery, source, clock } = world({ refreshRate: 5, ttl: { min: 5_000, max: 5_000 } });
    const answer = source.resolve;
    let isThere = false;
    source.resolve = (name, options) =>
      'service' in name && name.service === 'new' && !isThere
        ? Promise.reject(notFound())
        : answer(name, options);
    const others = Array.from({ length: 200 }, (_, i) => discovery.service(`s${i}`));
    await Promise.all(others.map((service) => service.ready()));
    await clock.advance(30_000);
    const ready = codeOf(discovery.service('new').ready({ timeout: 11_000 }));
    await clock.advance(1_000);
    isThere = true;
    await clock.advance(11_000);
    expect(await ready).toBe('fine');
    // It was for the one who waited: from here on it takes its turn.
    expect(discovery.service('new').stats().refreshes).toBe(1);
    expect(discovery.stats().refreshLag).toBeGreaterThan(10_000);
  });

  it('a source that never answers is given up after a minute, and asked again', async () => {
    const { discovery, web, source, clock, warnings } = world();
    await web().ready();
    const release = source.hold();
    const refresh = codeOf(web().refresh());
    const other = codeOf(discovery.resolve('other'));
    await clock.advance(60_000);
    expect([await refresh, await other]).toEqual(['ERR_DNS_TIMEOUT', 'ERR_DNS_TIMEOUT']);
    expect(web().stats()).toMatchObject({ endpoints: 3, stale: true });
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE']);
    source.answer = 'ab';
    release();
    await clock.advance(10_000);
    expect([letters(web().endpoints), web().snapshot.stale]).toEqual(['ab', false]);
  });

  it('a timer that is late makes the next refresh due now, not in the past', async () => {
    const clock = createFakeClock();
    let late = 0;
    const discovery = createDiscoveryIn(
      { clock: { ...clock, now: () => clock.now() + late } },
      { source: scriptedSource() },
    );
    open.push(discovery);
    await discovery.service('web').ready();
    late = 60_000;
    expect(discovery.service('web').stats().nextRefresh).toBe(0);
  });
});

describe('options of a call', () => {
  it.each([
    ['ready', { timeout: -1 }],
    ['ready', { timeout: Number.NaN }],
    ['ready', { timeuot: 5 }],
    ['ready', { signal: 7 }],
    ['refresh', { signal: {} }],
    ['refresh', { fresh: true }],
  ] as const)('%s(%j) is refused', async (method, options) => {
    const { web } = world();
    const call = web()[method] as (options: unknown) => Promise<unknown>;
    expect(await codeOf(call.call(web(), options))).toBe('ERR_INVALID_OPTION');
  });

  it('a timeout without end is none', async () => {
    const { web, source, clock } = world({}, scriptedSource(notFound()));
    const ready = codeOf(web().ready({ timeout: Number.POSITIVE_INFINITY }));
    await clock.advance(600_000);
    source.answer = 'a';
    await clock.advance(10_000);
    expect(await ready).toBe('fine');
  });
});
