import { describe, expect, it } from 'vitest';
import { inPath, keyInPath, prefixInPath } from '../../src/consul/path.ts';

describe('names in a path of the API', () => {
  it('are encoded', () => {
    expect(inPath('a b/c?d#e%f&ü😀', 'x')).toBe('a%20b%2Fc%3Fd%23e%25f%26%C3%BC%F0%9F%98%80');
  });

  it('may be a key, whose slashes stay', () => {
    expect(keyInPath('app/what is/50%?', 'x')).toBe('app/what%20is/50%25%3F');
    expect(keyInPath('folder/', 'x')).toBe('folder/');
    expect(keyInPath('...', 'x')).toBe('...');
  });

  it('may be a prefix, of which the empty one is that of all', () => {
    expect(prefixInPath('', 'x')).toBe('');
    expect(prefixInPath('app/', 'x')).toBe('app/');
  });

  it.each([
    ['', 'expected a name'],
    [undefined, 'expected a name'],
    [5, 'expected a name'],
    ['a\nb', 'expected a name'],
    ['zero\u200bwidth', 'expected a name'],
    ['no-break\u00a0space', 'expected a name'],
    ['half\ud800', 'expected a name'],
    ['.', 'dot segments'],
    ['a/../b', 'dot segments'],
    ['a/./b', 'dot segments'],
    ['/a', 'begin with a slash: "/a". Write "a"'],
    ['a//b', 'have two in a row: "a//b". Write "a/b"'],
  ])('%j is refused before anything is sent', (key, why) => {
    const attempt = () => keyInPath(key, 'kv.get');
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
    expect(attempt).toThrow(why);
    expect(attempt).toThrow(/^kv\.get: /);
  });
});
