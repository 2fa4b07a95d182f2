import { describe, expect, it } from 'vitest';
import { isIdempotent } from '../../src/adapter/idempotence.ts';

describe('whether a request may reach two servers', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'get', 'Put'])('%s may', (method) => {
    expect(isIdempotent(method, undefined)).toBe(true);
  });

  it.each(['POST', 'PATCH', 'CONNECT', 'LOCK', 'QUERY2', ''])('%j may not', (method) => {
    expect(isIdempotent(method, undefined)).toBe(false);
  });

  it.each([
    ['POST', true, true],
    ['GET', false, false],
    ['GET', null, true],
    ['POST', null, false],
    ['POST', undefined, false],
  ])('%s of which the caller says %s: %s', (method, said, expected) => {
    expect(isIdempotent(method, undefined, said)).toBe(expected);
  });

  it('holds what the caller says against a key', () => {
    expect(isIdempotent('POST', { 'idempotency-key': '1' }, false)).toBe(false);
  });

  it.each([
    ['an object', { 'Idempotency-Key': '1' }],
    ['an object, the older name', { 'X-Idempotency-Key': '1' }],
    ['a flat list', ['accept', '*/*', 'IDEMPOTENCY-KEY', '1']],
    ['a flat list of buffers', [Buffer.from('idempotency-key'), Buffer.from('1')]],
    [
      'pairs',
      [
        ['accept', '*/*'],
        ['idempotency-key', '1'],
      ],
    ],
    ['a map', new Map([['idempotency-key', '1']])],
    ['Headers', new Headers({ 'Idempotency-Key': '1' })],
  ])('POST may with an Idempotency-Key, in %s', (_how, headers) => {
    expect(isIdempotent('POST', headers)).toBe(true);
  });

  it.each([
    ['no headers', undefined],
    ['null', null],
    ['an empty list', []],
    ['a value and no name', ['accept', 'idempotency-key']],
    ['something else', 'idempotency-key'],
    ['an object of others', { accept: 'idempotency-key' }],
  ])('POST may not with %s', (_how, headers) => {
    expect(isIdempotent('POST', headers)).toBe(false);
  });
});
