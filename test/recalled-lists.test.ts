import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type { DiscoveryOptions, DiscoveryWarning } from '../src/index.ts';
import { writeLists } from '../src/last-good-file.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, letterOf } from './lists.ts';
import { notFound, scriptedSource, unreachable } from './scripted-source.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** A program that begins while nobody answers, with lists `abc` of an earlier run that were confirmed `age` ms ago. */
function world(options: DiscoveryOptions = {}, { age = 60_000, names = ['web'] } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'recalled-'));
  open.push({ close: () => rmSync(directory, { recursive: true }) });
  const file = join(directory, 'lists.json');
  const kept = { at: Date.now() - age, addresses: [...'abc'].map((letter) => address(letter)) };
  writeFileSync(file, writeLists(new Map(names.map((name) => [`${name}.service.consul`, kept]))));
  const clock = createFakeClock();
  const source = scriptedSource(unreachable());
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1) },
    {
      source,
      lastGood: file,
      idle: Number.POSITIVE_INFINITY,
      onWarning: (warning) => void warnings.push(warning),
      ...options,
    },
  );
  open.unshift(discovery);
  const services = names.map((name) => discovery.service(name));
  const web = services[0]!;
  const told: string[] = [];
  web.subscribe(({ endpoints }, { why }) => {
    told.push(`${why} ${endpoints.map(({ host }) => letterOf(host)).join('')}`.trim());
  });
  return { clock, source, warnings, discovery, services, web, told, file };
}

describe('a list of an earlier run', () => {
  it('stands in while nobody answers, as what it is: old, and not proven', async () => {
    const { clock, web, told } = world();
    await web.ready();
    expect(told).toEqual(['recalled abc']);
    expect(web.snapshot).toMatchObject({ stale: true, complete: false, source: undefined });
    expect(web.snapshot.age).toBeGreaterThanOrEqual(60_000);
    await clock.advance(3_600_000);
    expect(told).toHaveLength(1);
  });

  it('is never handed out where hold.error is over already', async () => {
    const { clock, told } = world({ hold: { error: 30_000 } });
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('ends with hold.error, and stands in once, also where the failures are of several kinds', async () => {
    const { clock, source, told } = world({ hold: { network: 70_000 } });
    await clock.advance(5_000);
    expect(told).toEqual(['recalled abc']);
    await clock.advance(15_000);
    source.answer = new Error('of another kind');
    await clock.advance(30_000);
    expect(told).toEqual(['recalled abc', 'expired']);
  });

  it('is not used where this run had a list that has ended', async () => {
    const { clock, source, web } = world({ hold: { network: 20_000 } });
    source.answer = 'ab';
    await web.ready();
    source.answer = unreachable();
    await clock.advance(30_000);
    expect(web.endpoints).toEqual([]);
    source.answer = new Error('of another kind');
    await clock.advance(30_000);
    expect(web.endpoints).toEqual([]);
  });

  it('does not come back once Consul said for hold.empty that there is nothing', async () => {
    const { clock, source, told } = world();
    await clock.advance(10_000);
    source.answer = notFound();
    await clock.advance(60_000);
    expect(told).toEqual(['recalled abc', 'expired']);
    source.answer = unreachable();
    await clock.advance(60_000);
    expect(told).toHaveLength(2);
  });

  it('is not used at all where Consul said so from the start, but is where that was for a moment only', async () => {
    const { clock, source, discovery, told } = world({}, { names: ['web', 'api'] });
    source.answer = notFound();
    await clock.advance(60_000);
    source.answer = unreachable();
    await clock.advance(60_000);
    expect(told).toEqual([]);
    discovery.service('api').close();
    source.answer = notFound();
    const api = discovery.service('api');
    await clock.advance(10_000);
    source.answer = unreachable();
    await clock.advance(10_000);
    expect(api.endpoints).toHaveLength(3);
  });

  it('makes room for the first real list, also for one that proves nobody absent', async () => {
    const { clock, source, web, told } = world();
    await clock.advance(0);
    source.answer = { addresses: [address('a'), address('d')], complete: false, omission: 1e-5 };
    await clock.advance(10_000);
    expect(told.slice(0, 2)).toEqual(['recalled abc', 'resolved abcd']);
    await clock.advance(60_000);
    expect(web.endpoints.map(({ host }) => letterOf(host)).join('')).toBe('ad');
  });

  it('is kept where most services come back with nothing at once', async () => {
    const names = ['web', 'api', 'db', 'auth'];
    const { clock, source, services, warnings } = world({}, { names });
    await clock.advance(5_000);
    source.answer = notFound();
    await clock.advance(600_000);
    expect(services.map(({ endpoints }) => endpoints.length)).toEqual([3, 3, 3, 3]);
    expect(warnings.map(({ code }) => code)).toContain('SERVICES_VANISHED');
  });

  it('may be the reason to close the service: nothing of it is left', async () => {
    const { clock, web, warnings } = world();
    web.subscribe(() => web.close());
    await expect(web.ready()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect([clock.pending, warnings]).toEqual([0, []]);
  });

  it('belongs to a name as it is asked for, and to none with other settings', async () => {
    const { discovery, source, file, web } = world();
    source.answer = 'abc';
    web.close();
    await discovery.service('web', { subset: { size: 1, key: 'k' } }).ready();
    await discovery.service('api', { datacenters: ['dc1'] }).ready();
    await discovery.close();
    const later = (options: DiscoveryOptions) => {
      const next = createDiscoveryIn(
        { clock: createFakeClock() },
        { source: scriptedSource(unreachable()), lastGood: file, onWarning: () => {}, ...options },
      );
      open.unshift(next);
      return next;
    };
    const sizeOf = async (next: Discovery, name: string, settings = {}) => {
      const service = next.service(name, settings);
      await service.ready().catch(() => {});
      return service.endpoints.length;
    };
    const next = later({});
    expect(await sizeOf(next, 'web')).toBe(3);
    expect(await sizeOf(next, 'api')).toBe(0);
    const other = later({ subset: { size: 1, key: 'k' } });
    expect(await sizeOf(other, 'web')).toBe(1);
    expect(await sizeOf(later({}), 'api', { datacenters: ['DC1'] })).toBe(3);
  });
});
