import { describe, expect, it } from 'vitest';
import { readName, skipName } from '../../src/dns/wire-name.ts';

/** Labels as text, `→n` as a pointer to n, `.` as the root. */
function wire(...parts: string[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (part === '.') return Buffer.from([0]);
      if (part.startsWith('→'))
        return Buffer.from([0xc0 | (Number(part.slice(1)) >> 8), Number(part.slice(1)) & 255]);
      return Buffer.concat([Buffer.from([Buffer.byteLength(part)]), Buffer.from(part)]);
    }),
  );
}

describe('a name in a message', () => {
  it('is read with its pointers followed, in lower case, without a final dot', () => {
    const message = wire('web', 'Service', 'CONSUL', '.', 'db', '→4', '→0');
    expect(readName(message, 0)).toBe('web.service.consul');
    expect(readName(message, 20)).toBe('db.service.consul');
    expect(readName(message, 25)).toBe('web.service.consul');
    expect([skipName(message, 0), skipName(message, 20), skipName(message, 25)]).toEqual([20, 25, 27]);
    expect(readName(wire('.'), 0)).toBe('');
  });

  it.each<[string, Buffer, number]>([
    ['points to itself', wire('→0'), 0],
    ['points forwards', wire('→2', 'a', '.'), 0],
    ['points into itself', wire('a', '→0'), 0],
    ['points to one that points back', wire('a', '→4', 'b', '→0'), 4],
    ['points back, and from there forwards', wire('→3', '.', 'a', '.', '→0'), 6],
    ['ends in a label', Buffer.from([5, 97]), 0],
    ['ends in a pointer', Buffer.from([0, 0xc0]), 1],
    ['does not end', wire('a'), 0],
    ['begins beyond the message', wire('.'), 9],
    ['has a label of 64…191', Buffer.from([0x41, 0, 0]), 0],
    ['is longer than 255 bytes', wire(...Array(4).fill('x'.repeat(63)), '.'), 0],
  ])('that %s is none', (_, message, at) => {
    expect(() => readName(message, at)).toThrow();
  });

  it('of 255 bytes is the longest', () => {
    const labels = [...Array(3).fill('x'.repeat(63)), 'x'.repeat(61)];
    expect(readName(wire(...labels, '.'), 0)).toBe(labels.join('.'));
  });

  it('has 126 jumps at most', () => {
    const chain = (jumps: number) => {
      const parts = ['.', '→0'];
      for (let i = 1; i < jumps; i++) parts.push(`→${2 * i - 1}`);
      return [wire(...parts), 2 * jumps - 1] as const;
    };
    expect(readName(...chain(126))).toBe('');
    expect(() => readName(...chain(127))).toThrow('too many pointers');
  });
});
