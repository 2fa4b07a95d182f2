import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onAbort } from '../../src/consul/on-abort.ts';

describe('hearing of an abort', () => {
  it('takes one listener for all, and none when nobody waits any more', () => {
    const { signal } = new AbortController();
    const forget = Array.from({ length: 50 }, () => onAbort(signal, () => {}));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const one of forget) one();
    for (const one of forget) one();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('tells each once, in order, but those who took it back', () => {
    const controller = new AbortController();
    const told: string[] = [];
    const say = () => told.push('same');
    onAbort(controller.signal, () => told.push('first'));
    onAbort(controller.signal, say);
    onAbort(controller.signal, say);
    onAbort(controller.signal, () => told.push('not me'))();
    controller.abort();
    controller.abort();
    expect(told).toEqual(['first', 'same', 'same']);
  });

  it('begins anew after all were taken back', () => {
    const controller = new AbortController();
    const told: string[] = [];
    onAbort(controller.signal, () => told.push('a'))();
    onAbort(controller.signal, () => told.push('b'));
    controller.abort();
    expect(told).toEqual(['b']);
  });
});
