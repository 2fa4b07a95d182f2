import { describe, expect, it } from 'vitest';
import { agentMetadata } from '../../src/testing/consul-double.ts';
import type { Version } from './captures.ts';
import { holes, type Layout, layOut, regions } from './model.ts';

/**
 * The figures of the facts, each with the name lengths it was found to stand for.
 *
 * Which number of instances falls into the hole hangs on the length of every name: the default sweeps of F13.1 fit a
 * service `web` on a node `n1`; those with 2565, 405 and 334 bytes a service of one letter, and three more keys with
 * 41 letters together (41 to 43 fit).
 */
const web = (version: Version) => ({ version, service: 'web', where: 'one node' }) as const;
const letter = (version: Version) => ({ version, service: 'w', where: 'one node' }) as const;
const threeMoreKeys = (version: Version) => ({
  ...letter(version),
  meta: { ...agentMetadata(version), rack: 'r1', zone: 'eu-central-1a', kind: 'x'.repeat(11) },
});

describe('one instance silently missing on 1.8.7 (F13.1)', () => {
  it('at 13 with EDNS 1232, and at no other number up to the most that fits', () => {
    expect(holes(web('1.8.7'), [1, 19], 1232)).toEqual(['13→12 (767 B)']);
  });

  it('at 43 with EDNS 4096', () => {
    expect(holes(letter('1.8.7'), [1, 67], 4096)).toEqual(['43→42 (2565 B)']);
  });

  it('nowhere up to 70 with EDNS 65000', () => {
    expect(holes(web('1.8.7'), [1, 70], 65_000)).toEqual([]);
  });

  it('at 610 over TCP, and nowhere else from 600 to 620', () => {
    expect(holes(web('1.8.7'), [600, 620], 'tcp')).toEqual(['610→609 (38709 B)']);
  });

  it('with three more metadata keys at 3 with EDNS 512, 7 with 1232 and 23 with 4096, and not at all with 65000', () => {
    const layout = threeMoreKeys('1.8.7');
    expect(holes(layout, [1, 3], 512)).toEqual(['3→2 (165 B)']);
    expect(holes(layout, [1, 19], 1232)).toEqual(['7→6 (405 B)']);
    expect(holes(layout, [1, 67], 4096)).toEqual(['23→22 (1365 B)']);
    expect(holes(layout, [1, 70], 65_000)).toEqual([]);
    expect(holes(layout, [280, 330], 'tcp')).toEqual([]);
  });
});

describe('one instance silently missing on 1.22.7 (F13.1)', () => {
  it('at 9 with EDNS 1232 on a node named n1; not with 4096, 65000 or TCP', () => {
    expect(holes(web('1.22.7'), [1, 19], 1232)).toEqual(['9→8 (516 B)']);
    expect(holes(web('1.22.7'), [1, 67], 4096)).toEqual([]);
    expect(holes(web('1.22.7'), [1, 70], 65_000)).toEqual([]);
    expect(holes(web('1.22.7'), [425, 447], 'tcp')).toEqual([]);
  });

  it('over TCP the metadata goes from 445 instances on', () => {
    const additionals = (count: number) => layOut({ ...web('1.22.7'), count })(33, 'tcp').additionals.length;
    expect(additionals(444)).toBe(444 * 3);
    expect(additionals(445)).toBe(445);
  });

  it('with three more metadata keys at 6 with EDNS 1232 only', () => {
    const layout = threeMoreKeys('1.22.7');
    expect(holes(layout, [1, 3], 512)).toEqual([]);
    expect(holes(layout, [1, 19], 1232)).toEqual(['6→5 (334 B)']);
    expect(holes(layout, [1, 67], 4096)).toEqual([]);
    expect(holes(layout, [255, 300], 'tcp')).toEqual([]);
  });
});

/** A 9-letter service; nodes of 7 letters. */
const ownip = (where: Layout['where']) =>
  ({ version: '1.22.7', service: 'ownip0009', where, node: 'nd-0000' }) as const;

describe('instances in one SRV reply of 1.22.7 (F12.2)', () => {
  it.each([
    ['own nodes', 1232, 'whole 1-8, hole 9, bare 10-19'],
    ['own nodes', 1400, 'whole 1-9, hole 10, bare 11-22'],
    ['own nodes', 4096, 'whole 1-29, hole none, bare 30-67'],
    ['node targets', 1232, 'whole 1-9, hole none, bare 10-20'],
    ['node targets', 1400, 'whole 1-10, hole 11, bare 12-22'],
    ['node targets', 4096, 'whole 1-31, hole 32, bare 33-68'],
    ['one node', 1232, 'whole 1-8, hole 9, bare 10-19'],
    ['one node', 1400, 'whole 1-10, hole 11, bare 12-22'],
    ['one node', 4096, 'whole 1-30, hole 31, bare 32-67'],
  ] as const)('%s, EDNS %i: %s', (where, edns, expected) => {
    expect(regions(ownip(where), edns)).toBe(expected);
  });

  it.each([
    ['own nodes', 600, 4],
    ['own nodes', 2048, 15],
    ['node targets', 600, 5],
    ['node targets', 900, 7],
    ['node targets', 1452, 11],
    ['node targets', 2048, 16],
  ] as const)('%s: EDNS %i moves the hole to %i', (where, edns, hole) => {
    expect(holes(ownip(where), [1, hole + 2], edns).map((found) => Number.parseInt(found, 10))).toEqual([
      hole,
    ]);
  });

  it('without metadata there is no hole: 19 and 67 fit, with their OPT', () => {
    const layout = { ...ownip('own nodes'), settings: { metaTxt: false } };
    expect(holes(layout, [1, 19], 1232)).toEqual([]);
    expect(holes(layout, [1, 67], 4096)).toEqual([]);
    expect(layOut({ ...layout, count: 19 })(33, 'udp', 1232).edns).toBe(1232);
  });

  it('costs 138, 129 and 130 bytes per instance (F12.1)', () => {
    const cost = (where: Layout['where']) => {
      const size = (count: number) => layOut({ ...ownip(where), count })(33, 'udp', 4096).bytes.length;
      return size(6) - size(5);
    };
    expect([cost('own nodes'), cost('node targets'), cost('one node')]).toEqual([138, 129, 130]);
  });

  it('six keys: over plain UDP 2 instances become 1, 3 stay 3 (F12.2)', () => {
    // 264 bytes per instance (F12.1): 138 and four more keys of 126 bytes together.
    const meta = {
      ...agentMetadata('1.22.7'),
      k1: 'x'.repeat(16),
      k2: 'x'.repeat(16),
      k3: 'x'.repeat(15),
      k4: 'x'.repeat(15),
    };
    const ask = (count: number) =>
      layOut({ ...ownip('own nodes'), service: 'fatty0002', meta, count })(33, 'udp');
    const size = (count: number) =>
      layOut({ ...ownip('own nodes'), meta, count })(33, 'udp', 4096).bytes.length;
    expect(size(6) - size(5)).toBe(264);
    expect([ask(2).answers.length, ask(2).bytes.length]).toEqual([1, 102]);
    expect([ask(3).answers.length, ask(3).bytes.length]).toEqual([3, 222]);
  });
});

const bulk = (version: Version, service: string, where: Layout['where'], count: number) =>
  layOut({ version, service, where, count, meta: {}, settings: { enableTruncate: true } });

describe('capacity without metadata', () => {
  it.each([
    [1232, 19],
    [4096, 67],
    [8192, 135],
    [65_507, 997],
  ])('1.8.7, SRV of 2000, EDNS %i: %i (F4.3)', (edns, most) => {
    expect(bulk('1.8.7', 'svcip2000', 'own nodes', 2000)(33, 'udp', edns).answers).toHaveLength(most);
  });

  it('1.8.7 exceeds the advertised size by 4 bytes: 74 A in 1236 (F4.4)', () => {
    const { answers, bytes, edns } = bulk('1.8.7', 'svcip100', 'own nodes', 100)(1, 'udp', 1232);
    expect([answers.length, bytes.length, edns]).toEqual([74, 1236, 1232]);
  });

  it('1.22.7 stays within it and loses its OPT: 73 A (F12.6)', () => {
    const { answers, edns, bytes } = bulk('1.22.7', 'svcip100', 'own nodes', 100)(1, 'udp', 1232);
    expect([answers.length, edns]).toEqual([73, undefined]);
    expect(bytes.length).toBeLessThanOrEqual(1232);
  });

  it('1.22.7 sends at most 65467 bytes, whatever is offered: 4088 of 5000 A (F12.6)', () => {
    const ask = bulk('1.22.7', 'svcip5000', 'own nodes', 5000);
    expect([ask(1, 'udp', 65_535).answers.length, ask(1, 'udp', 65_535).bytes.length]).toEqual([
      4088, 65_450,
    ]);
    expect(ask(1, 'udp', 65_000).answers).toHaveLength(4059);
  });

  it.each(['1.8.7', '1.22.7'] as const)('%s over TCP: 2000 A whole, 997 SRV (F4.8, F12.7)', (version) => {
    const ask = bulk(version, 'svcip2000', 'own nodes', 2000);
    const [a, srv] = [ask(1, 'tcp'), ask(33, 'tcp')];
    expect([a.answers.length, a.bytes.length, a.tc]).toEqual([2000, 32_042, false]);
    expect([srv.answers.length, srv.bytes.length, srv.tc]).toEqual([997, 65_496, true]);
  });

  it.each(['1.8.7', '1.22.7'] as const)(
    '%s over TCP: 4092 of 5000 A in 65514 bytes (F4.8, F12.7)',
    (version) => {
      const { answers, bytes } = bulk(version, 'svcip5000', 'own nodes', 5000)(1, 'tcp');
      expect([answers.length, bytes.length]).toEqual([4092, 65_514]);
    },
  );

  it('over plain UDP the uncompressed size counts: with a limit of 8, 8 A but 4 SRV (F4.2)', () => {
    const ask = layOut({
      version: '1.8.7',
      service: 'k12',
      where: 'own nodes',
      count: 12,
      meta: {},
      settings: { udpAnswerLimit: 20 },
    });
    expect([ask(1, 'udp').answers.length, ask(33, 'udp').answers.length]).toEqual([8, 4]);
  });
});

describe('TC, where enable_truncate is on', () => {
  const onNode = (node: string, count: number) =>
    layOut({
      version: '1.8.7',
      service: `p${count}`,
      where: 'ports',
      node,
      count,
      meta: {},
      settings: { enableTruncate: true },
    })(33, 'tcp');

  it('is not set by the cut to 1024 SRV, which leaves all additional records (F4.7)', () => {
    for (const count of [1025, 1100, 1200, 1300]) {
      const { answers, additionals, tc } = onNode('six-ch', count);
      expect([answers.length, additionals.length, tc]).toEqual([1024, count, false]);
    }
    expect(onNode('six-ch', 1500).tc).toBe(true);
  });

  it('is set on one node for 2000 instances: 1024 and one additional record in 48186 bytes (F4.8)', () => {
    // A service of 9 letters on a node of 11.
    const ask = layOut({
      version: '1.8.7',
      service: 'ports2000',
      where: 'ports',
      node: 'eleven-char',
      count: 2000,
      meta: {},
    });
    const { answers, additionals, bytes } = ask(33, 'tcp');
    expect([answers.length, additionals.length, bytes.length]).toEqual([1024, 1, 48_186]);
  });

  it('does not mean incomplete over TCP: 16 instances with much metadata are all there (F12.4)', () => {
    const meta = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, 'x'.repeat(100)]));
    const layout = { version: '1.22.7', service: 'wide16', where: 'one node', count: 16, meta } as const;
    const { answers, bytes, tc } = layOut({ ...layout, settings: { enableTruncate: true } })(33, 'tcp');
    expect([answers.length, bytes.length, tc]).toEqual([16, 999, true]);
  });

  it('is not set over UDP where only the metadata went (F12.4)', () => {
    const layout = { ...ownip('own nodes'), settings: { enableTruncate: true } };
    const twelve = layOut({ ...layout, count: 12 })(33, 'udp', 1232);
    expect([twelve.answers.length, twelve.tc, twelve.edns]).toEqual([12, false, undefined]);
    const nine = layOut({ ...layout, count: 9 })(33, 'udp', 1232);
    expect([nine.answers.length, nine.tc, nine.bytes.length]).toEqual([8, true, 522]);
  });
});
