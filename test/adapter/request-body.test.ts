import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { brokeByItself, isRepeatable, isUntouched } from '../../src/adapter/request-body.ts';

const generator = () =>
  (function* () {
    yield 'part';
  })();

describe('whether a body is all there', () => {
  it.each([
    ['none', undefined],
    ['null', null],
    ['text', 'text'],
    ['empty text', ''],
    ['a buffer', Buffer.from('x')],
    ['a typed array', new Uint16Array(2)],
    ['a DataView', new DataView(new ArrayBuffer(2))],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a blob', new Blob(['x'])],
    ['a file', new File(['x'], 'x.txt')],
  ])('it is: %s', (_what, body) => {
    expect(isRepeatable(body)).toBe(true);
  });

  it.each([
    ['a stream', Readable.from(['x'])],
    ['a web stream', new Blob(['x']).stream()],
    ['a generator', generator()],
    ['a list', ['x']],
    ['a form', new FormData()],
    ['parameters, which undici would iterate', new URLSearchParams('a=b')],
    ['a number', 1],
  ])('it is not: %s', (_what, body) => {
    expect(isRepeatable(body)).toBe(false);
  });
});

describe('whether a body was touched', () => {
  it('says no of what nobody has read of', () => {
    expect(isUntouched(new PassThrough(), false)).toBe(true);
    expect(isUntouched(generator(), false)).toBe(true);
  });

  it('says yes of a stream that was read of, or is broken', async () => {
    const read = Readable.from(['a', 'b']);
    read.on('data', () => read.pause());
    await once(read, 'data');
    expect(isUntouched(read, false)).toBe(false);
    const broken = new PassThrough();
    broken.on('error', () => {});
    broken.destroy(new Error('broken'));
    expect(isUntouched(broken, false)).toBe(false);
  });

  it('says yes of a stream that somebody else may yet destroy', () => {
    expect(isUntouched(new PassThrough(), true)).toBe(false);
    expect(isUntouched(generator(), true)).toBe(true);
  });
});

describe('whether a body broke by itself', () => {
  const network = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });

  it('knows the error of a stream', async () => {
    const stream = createReadStream('/does/not/exist');
    const [error] = await once(stream, 'error');
    expect(brokeByItself(stream, error)).toBe(true);
    expect(brokeByItself(stream, network)).toBe(false);
  });

  it('says no of a stream that is well', () => {
    expect(brokeByItself(new PassThrough(), network)).toBe(false);
    expect(brokeByItself(new PassThrough(), undefined)).toBe(false);
  });

  it('takes an error without a code for one of an iterable', () => {
    expect(brokeByItself(generator(), new Error('no more'))).toBe(true);
    expect(brokeByItself(generator(), 'thrown text')).toBe(true);
    expect(brokeByItself(generator(), undefined)).toBe(true);
    expect(brokeByItself(generator(), network)).toBe(false);
  });

  it('cannot be where it is all there', () => {
    expect(brokeByItself('text', new Error('whatever'))).toBe(false);
    expect(brokeByItself(undefined, undefined)).toBe(false);
  });
});
