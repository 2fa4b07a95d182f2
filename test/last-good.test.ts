import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type DiscoveryWarning, Warnings } from '../src/diagnostics.ts';
import { LastGood, listsFor } from '../src/last-good.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, letterOf } from './lists.ts';

const day = 86_400_000;
const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Runs of a program, one after another or at the same time, that keep their lists in one file. */
function world({ maxAge = day, file = 'lists.json' } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'last-good-'));
  directories.push(directory);
  const path = join(directory, file);
  const wall = { now: Date.UTC(2030, 0, 1) };
  const run = () => {
    const clock = createFakeClock();
    const warnings: DiscoveryWarning[] = [];
    const lists = new LastGood({
      file: path,
      maxAge,
      clock,
      warnings: new Warnings((warning) => void warnings.push(warning)),
      now: () => wall.now,
    });
    const write = (key: string, letters: string) =>
      lists.write(
        key,
        [...letters].map((letter) => address(letter)),
      );
    /** Letters of the list and its age in seconds, as `abc 5`. */
    const read = (key: string) => {
      const kept = lists.read(key);
      return kept && `${kept.addresses.map(({ host }) => letterOf(host)).join('')} ${kept.age / 1_000}`;
    };
    const pass = async (ms: number) => {
      wall.now += ms;
      await clock.advance(ms);
      await lists.saving;
    };
    return { clock, warnings, lists, write, read, pass };
  };
  return { directory, path, wall, run, files: () => readdirSync(directory) };
}

describe('the last lists', () => {
  it('are those of the run before, with their age', async () => {
    const { wall, run } = world();
    const before = run();
    before.write('web', 'abc');
    before.write('api', 'd');
    await before.lists.close();
    wall.now += 3_600_000;
    const after = run();
    expect([after.read('web'), after.read('api'), after.read('db')]).toEqual([
      'abc 3600',
      'd 3600',
      undefined,
    ]);
    expect(after.warnings).toEqual([]);
  });

  it('keep all that is known of an address', async () => {
    const { run } = world();
    const addresses = [
      address('a', {
        weight: 0,
        priority: 3,
        rank: 1,
        target: 'a.example',
        serverName: 'a.example',
        node: 'n1',
        datacenter: 'dc1',
        tags: ['v1', ''],
        meta: { rack: 'r1', __proto__x: 'y' },
      }),
      { host: '2001:db8::5', port: 443, priority: 1, weight: 65_535 },
    ];
    const before = run();
    before.lists.write('__proto__', addresses);
    await before.lists.close();
    expect(run().lists.read('__proto__')?.addresses).toEqual(addresses);
  });

  it('are of no use when they are older than `maxAge`, and go from the file', async () => {
    const { path, wall, run } = world({ maxAge: 10_000 });
    const before = run();
    before.write('web', 'abc');
    await before.lists.close();
    wall.now += 10_000;
    expect(run().read('web')).toBe('abc 10');
    wall.now += 1;
    const after = run();
    expect(after.read('web')).toBe(undefined);
    after.write('api', 'a');
    await after.lists.close();
    expect(readFileSync(path, 'utf8')).not.toContain('web');
  });

  it('do not become immortal by a clock that is set back: as far off as it is, so old may they be', async () => {
    const { wall, run } = world({ maxAge: 10_000 });
    const before = run();
    before.write('web', 'abc');
    await before.lists.close();
    wall.now -= 4_000;
    expect(run().read('web')).toBe('abc 4');
    wall.now -= 7_000;
    const after = run();
    expect(after.read('web')).toBe(undefined);
    after.write('web', 'd');
    await after.lists.close();
    expect(run().read('web')).toBe('d 0');
  });

  it('start anew where there is no file, or an empty one, without a word', async () => {
    const { path, run } = world();
    expect(run().read('web')).toBe(undefined);
    writeFileSync(path, '\n');
    const { read, warnings } = run();
    expect([read('web'), warnings]).toEqual([undefined, []]);
  });
});

describe('saving', () => {
  it('waits a second after a change, and takes all that came in one go', async () => {
    const { path, run } = world();
    const { clock, write, pass } = run();
    write('web', 'a');
    await pass(500);
    write('web', 'ab');
    write('api', 'c');
    expect(clock.pending).toBe(1);
    await pass(499);
    expect(existsSync(path)).toBe(false);
    await pass(1);
    expect(run().read('web')).toBe('ab 0.5');
    expect(run().read('api')).toBe('c 0.5');
    expect(clock.pending).toBe(0);
  });

  it('does nothing new for a list that is only confirmed, in whatever order, but note its time within a minute', async () => {
    const { path, run } = world();
    const { write, read, pass } = run();
    write('web', 'abc');
    await pass(1_000);
    const saved = statSync(path).mtimeMs;
    write('web', 'cab');
    await pass(59_999);
    expect(statSync(path).mtimeMs).toBe(saved);
    expect(read('web')).toBe('abc 59.999');
    await pass(1);
    expect(run().read('web')).toBe('abc 60');
    expect(run().lists.read('web')?.age).toBe(60_000);
  });

  it('keeps up with a short `maxAge`', async () => {
    const { run } = world({ maxAge: 8_000 });
    const { write, pass } = run();
    for (let second = 0; second < 20; second++) {
      write('web', 'abc');
      await pass(1_000);
    }
    expect(run().lists.read('web')?.age).toBeLessThanOrEqual(3_000);
  });

  it('is for the owner alone, and leaves nothing beside the file', async () => {
    const { path, run, files } = world();
    const { write, lists } = run();
    write('web', 'abc');
    await lists.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(files()).toEqual(['lists.json']);
  });

  it('is a valid file of either the old or the new lists at every instant', async () => {
    const { path, run } = world();
    const { write, lists } = run();
    write('web', 'a'.repeat(1));
    await lists.flush();
    let looks = 0;
    let done = false;
    const watching = (async () => {
      while (!done) {
        expect(JSON.parse(readFileSync(path, 'utf8')).version).toBe(1);
        looks++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 30; i++) {
      lists.write(
        'web',
        Array.from({ length: 500 }, (_, port) => ({ ...address('a'), port: 1 + port + i })),
      );
      await lists.flush();
    }
    done = true;
    await watching;
    expect(looks).toBeGreaterThan(30);
  });

  it('takes nothing after close(), which writes what waits, again and again', async () => {
    const { run } = world();
    const one = run();
    one.write('web', 'a');
    await Promise.all([one.lists.close(), one.lists.close()]);
    one.write('web', 'b');
    await one.lists.close();
    expect([run().read('web'), one.clock.pending]).toEqual(['a 0', 0]);
  });

  it('is of a name and of the way it is asked for', () => {
    const { lists } = world().run();
    const ways: Parameters<typeof listsFor>[1][] = [
      { family: 'any' },
      { family: 4 },
      { family: 'any', port: 80 },
      { family: 'any', datacenters: ['dc1', 'dc2'] },
      { family: 'any', subset: { size: 2 } },
    ];
    for (const [i, way] of ways.entries()) {
      expect(listsFor(lists, way).read('web')).toBe(undefined);
      listsFor(lists, way).write('web', [address('abcde'[i]!)]);
    }
    for (const [i, way] of ways.entries()) {
      const again = { ...way, balancer: 'least-used' as const };
      expect(listsFor(lists, again).read('web')?.addresses).toEqual([address('abcde'[i]!)]);
    }
    expect(lists.read('web')?.addresses).toEqual([address('a')]);
  });

  it('keeps the 10 000 names confirmed last', async () => {
    const { wall, run } = world();
    const before = run();
    for (let i = 0; i < 10_050; i++) {
      wall.now += 1;
      before.write(`s${i}`, 'a');
    }
    wall.now += 1;
    before.write('s0', 'a');
    await before.lists.close();
    const after = run();
    expect([0, 1, 50, 51, 52, 10_049].map((i) => after.read(`s${i}`) !== undefined)).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});

describe('one file of several processes', () => {
  it('holds the names of all, each with its youngest list', async () => {
    const { wall, run } = world();
    const [one, two] = [run(), run()];
    one.write('web', 'a');
    two.write('api', 'b');
    await one.lists.flush();
    await two.lists.flush();
    wall.now += 1_000;
    one.write('api', 'c');
    await one.lists.flush();
    wall.now += 1_000;
    two.write('db', 'd');
    await two.lists.close();
    await one.lists.close();
    const after = run();
    expect([after.read('web'), after.read('api'), after.read('db')]).toEqual(['a 2', 'c 1', 'd 0']);
  });

  it('gets all names back a minute after two of them saved in the same instant', async () => {
    const { run } = world();
    const runs = Array.from({ length: 4 }, run);
    for (const [i, { write }] of runs.entries()) write(`s${i}`, 'a');
    await Promise.all(runs.map(({ pass }) => pass(1_000)));
    for (let second = 0; second < 61; second++) {
      for (const [i, { write, pass }] of runs.entries()) {
        write(`s${i}`, 'a');
        await pass(1_000);
      }
    }
    const after = run();
    expect([0, 1, 2, 3].map((i) => after.read(`s${i}`) !== undefined)).toEqual([true, true, true, true]);
  });

  it('is not ruled by one whose clock is ahead', async () => {
    const { wall, run } = world();
    const ahead = run();
    wall.now += day / 2;
    ahead.write('web', 'a');
    await ahead.lists.close();
    wall.now -= day / 2;
    const right = run();
    right.write('web', 'b');
    await right.lists.close();
    expect(run().read('web')).toBe('b 0');
  });
});

describe('what is wrong with the file', () => {
  const ours = async (path: string, run: ReturnType<typeof world>['run']) => {
    const { write, lists } = run();
    write('web', 'abc');
    await lists.close();
    return readFileSync(path, 'utf8');
  };

  it.each<[string, (text: string) => string, RegExp]>([
    ['is cut', (text) => text.slice(0, -20), /damaged/],
    [
      'has another format version',
      (text) => text.replace('"version":1', '"version":2'),
      /format 2, this is 1/,
    ],
    ['has no lists', (text) => text.replace('"lists"', '"lost"'), /damaged/],
  ])('that it %s is said once, and it is replaced', async (_, change, words) => {
    const { path, run } = world();
    writeFileSync(path, change(await ours(path, run)));
    const { read, write, lists, warnings } = run();
    expect(read('web')).toBe(undefined);
    expect(read('web')).toBe(undefined);
    expect(warnings).toMatchObject([{ code: 'LAST_GOOD_FAILED', message: expect.stringMatching(words) }]);
    write('api', 'd');
    await lists.close();
    expect(warnings).toHaveLength(1);
    expect(run().read('api')).toBe('d 0');
  });

  it.each([
    ['"host":"10.0.0.2"', '"host":"evil.example"'],
    ['"host":"10.0.0.2"', '"host":7'],
    ['"port":80', '"port":0'],
    ['"port":80', '"port":80.5'],
    ['"port":80', '"port":"80"'],
    ['"weight":1', '"weight":-1'],
    ['"priority":1', '"priority":65536'],
    ['"weight":1', '"weight":1,"tags":"v1"'],
    ['"weight":1', '"weight":1,"meta":{"a":1}'],
    ['{"host":"10.0.0.2"', 'null,{"host":"10.0.0.2"'],
  ])('in an address is left out, the others are used: %s → %s', async (good, bad) => {
    const { path, run } = world();
    const text = await ours(path, run);
    const at = text.indexOf(good, text.indexOf('{"host":"10.0.0.2"'));
    writeFileSync(path, text.slice(0, at) + bad + text.slice(at + good.length));
    const { read, warnings } = run();
    expect(read('web')).toBe(bad.startsWith('null') ? 'abc 0' : 'ac 0');
    expect(warnings).toMatchObject([{ message: expect.stringContaining('1 of its addresses are none') }]);
  });

  it.each(['{"name":"my-app"}\n', 'PORT=80\n', '[]', '\u0000\u0001'])(
    'that it is somebody else’s: left alone, said once (%j)',
    async (text) => {
      const { path, run, files } = world();
      writeFileSync(path, text);
      const { read, write, lists, warnings, pass } = run();
      expect(read('web')).toBe(undefined);
      write('web', 'abc');
      await pass(1_000);
      await pass(120_000);
      await lists.close();
      expect(readFileSync(path, 'utf8')).toBe(text);
      expect(files()).toEqual(['lists.json']);
      expect(read('web')).toBe('abc 121');
      expect(warnings).toMatchObject([
        { code: 'LAST_GOOD_FAILED', message: expect.stringContaining('It holds something else') },
      ]);
    },
  );

  it('that its directory is missing: a warning, once; written as soon as it is there', async () => {
    const { directory, run } = world({ file: 'later/lists.json' });
    const { write, warnings, pass } = run();
    write('web', 'abc');
    await pass(1_000);
    await pass(120_000);
    expect(warnings).toMatchObject([
      { code: 'LAST_GOOD_FAILED', message: expect.stringMatching(/could not be written\. ENOENT/) },
    ]);
    mkdirSync(join(directory, 'later'));
    await pass(60_000);
    expect(run().read('web')).toBe('abc 181');
    rmSync(join(directory, 'later'), { recursive: true });
    write('web', 'abcd');
    await pass(1_000);
    expect(warnings).toHaveLength(2);
  });

  it('that it is a directory, or a pipe: no reason to hang', async () => {
    const { path, directory, run } = world();
    mkdirSync(path);
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const file of [path, pipe]) {
      const warnings: DiscoveryWarning[] = [];
      const lists = new LastGood({
        file,
        maxAge: day,
        clock: createFakeClock(),
        warnings: new Warnings((warning) => void warnings.push(warning)),
      });
      expect(lists.read('web')).toBe(undefined);
      lists.write('web', [address('a')]);
      await lists.close();
      expect(warnings).toMatchObject([{ message: expect.stringContaining('It is not a file') }]);
    }
    expect(run().read('web')).toBe(undefined);
  });

  it('that it is too large to be ours', async () => {
    const { path, run } = world();
    writeFileSync(path, '');
    truncateSync(path, 100 * 2 ** 20);
    const { read, warnings } = run();
    expect(read('web')).toBe(undefined);
    expect(warnings).toMatchObject([{ message: expect.stringContaining('104857600 bytes') }]);
  });

  it('that it cannot be opened', () => {
    const { path, run } = world();
    // A link to itself, which not even root can follow.
    symlinkSync(path, path);
    const { read, warnings } = run();
    expect(read('web')).toBe(undefined);
    expect(warnings).toMatchObject([{ message: expect.stringContaining('ELOOP') }]);
  });

  it('whatever stands in it, nothing is thrown, and each address that comes out is one', async () => {
    const { path, run } = world();
    const text = await ours(path, run);
    const change = fc.record({ at: fc.nat(text.length), cut: fc.nat(12), put: fc.string({ maxLength: 12 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let broken = text;
        for (const { at, cut, put } of changes) broken = broken.slice(0, at) + put + broken.slice(at + cut);
        writeFileSync(path, broken);
        for (const { host, port, weight, priority } of run().lists.read('web')?.addresses ?? []) {
          expect(host).toMatch(/^[0-9a-f.:]+$/);
          for (const number of [port, weight, priority]) expect(number >= 0 && number <= 65_535).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
