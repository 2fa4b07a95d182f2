import { describe, expect, it } from 'vitest';
import { dotChart } from '../../charts/dot-chart.ts';
import { lineChart } from '../../charts/line-chart.ts';

const axes = { title: 'pick()', xLabel: 'endpoints', yLabel: 'ns', x: 'log', y: 'log' } as const;
const three: [number, number][] = [
  [3, 2],
  [100, 4],
  [10_000, 8],
];

/** What is written, in order. */
function texts(svg: string): string[] {
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), ([, text]) => text!);
}

/** Every element that is opened is closed, in order. */
function isWellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close === '/') {
      if (open.pop() !== name) return false;
    } else if (empty !== '/') open.push(name!);
  }
  return open.length === 0;
}

describe('lineChart', () => {
  it('writes title, names of axes and series, and values beside the axes', () => {
    const svg = lineChart({ ...axes, series: [{ name: 'round-robin', points: three }] });
    expect(texts(svg)).toEqual(
      expect.arrayContaining(['pick()', 'endpoints', 'ns', 'round-robin', '10 000', '5']),
    );
    expect(isWellFormed(svg)).toBe(true);
  });

  it('draws points from left to right and from below, inside the picture', () => {
    const svg = lineChart({ ...axes, series: [{ name: 'a', points: three }], width: 500, height: 300 });
    const [, line] = /class="line" d="([^"]+)"/.exec(svg)!;
    const places = Array.from(line!.matchAll(/([\d.]+),([\d.]+)/g), ([, x, y]) => [Number(x), Number(y)]);
    expect(places).toHaveLength(3);
    for (const [x, y] of places) expect(x! > 0 && x! < 500 && y! > 0 && y! < 300).toBe(true);
    expect(places[0]![0]!).toBeLessThan(places[1]![0]!);
    expect(places[0]![1]!).toBeGreaterThan(places[1]![1]!);
  });

  it('gives the same text for the same data', () => {
    const draw = () => lineChart({ ...axes, series: [{ name: 'a', points: three }] });
    expect(draw()).toBe(draw());
  });

  it('breaks a line where a value is missing', () => {
    const points: [number, number][] = [...three, [20_000, Number.NaN], [40_000, 9], [80_000, 9]];
    const svg = lineChart({ ...axes, series: [{ name: 'a', points }] });
    expect(/class="line" d="([^"]+)"/.exec(svg)![1]!.match(/M/g)).toHaveLength(2);
  });

  it('dashes whom it is told to, and tells many series apart', () => {
    const series = Array.from({ length: 30 }, (_, i) => ({ name: `s${i}`, points: three, dashed: i === 0 }));
    const svg = lineChart({ ...axes, series });
    const looks = svg
      .split('\n')
      .flatMap((line, i, lines) => (/^<text[^>]*>s\d+</.test(line) ? [lines[i - 1]!] : []))
      .map((marker) => marker.replace(/[-\d.]+,[-\d.]+|c[xy]="[\d.]+"/g, ''));
    expect(new Set(looks).size).toBe(30);
    expect(svg.match(/stroke-dasharray/g)).toHaveLength(2);
  });

  it('lets no text become markup', () => {
    const svg = lineChart({ ...axes, title: '<script>"&', series: [{ name: '<b>', points: three }] });
    expect(svg).not.toMatch(/<script>|<b>/);
    expect(isWellFormed(svg)).toBe(true);
  });

  it('has colours for dark pages too', () => {
    expect(lineChart({ ...axes, series: [{ name: 'a', points: three }] })).toContain(
      'prefers-color-scheme:dark',
    );
  });
});

describe('dotChart', () => {
  const chart = {
    title: 'slow server',
    xLabel: 'ms',
    x: 'log',
    series: ['p50', 'p99'],
    rows: [
      { name: 'random', values: [8, 400] },
      { name: 'first', values: [7, Number.NaN] },
    ],
  } as const;

  it('writes a row each, and what the dots mean', () => {
    const svg = dotChart(chart);
    expect(texts(svg)).toEqual(
      expect.arrayContaining(['slow server', 'ms', 'random', 'first', 'p50', 'p99']),
    );
    expect(isWellFormed(svg)).toBe(true);
  });

  it('leaves out a value that is missing', () => {
    // One per value, one in the legend.
    expect(dotChart(chart).match(/<circle/g)).toHaveLength(3);
    expect(dotChart(chart).match(/Z" fill/g)).toHaveLength(2);
  });

  it('draws the reference', () => {
    expect(dotChart(chart)).not.toContain('stroke-dasharray');
    expect(dotChart({ ...chart, reference: 50 })).toContain('stroke-dasharray');
  });
});
