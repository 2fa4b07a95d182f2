import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { FailedRequest } from '../../src/adapter/retry-options.ts';
import { RetryRules } from '../../src/adapter/retry-rules.ts';

const failed = { attempt: 1, method: 'GET', path: '/' } as FailedRequest;
const get = { method: 'GET' };
const post = { method: 'POST' };
const queued = { begun: false, held: false };
const held = { begun: false, held: true };
const begun = { begun: true, held: false };

describe('which statuses are worth a thought', () => {
  const concerned = (rules: RetryRules) =>
    [200, 304, 399, 400, 404, 429, 500, 503].filter((status) => rules.concerns(status));

  it('none by default', () => expect(concerned(new RetryRules({}))).toEqual([]));
  it('those that are listed', () =>
    expect(concerned(new RetryRules({ retryOn: [429, 503] }))).toEqual([429, 503]));
  it('for a function, all from 400 on', () =>
    expect(concerned(new RetryRules({ retryOn: () => false }))).toEqual([400, 404, 429, 500, 503]));
  it('none where nothing is repeated', () => {
    expect(concerned(new RetryRules({ retries: 0, retryOn: [503] }))).toEqual([]);
    expect(concerned(new RetryRules({ retries: 0, retryOn: () => true }))).toEqual([]);
  });
});

describe('after an error', () => {
  it('repeats once by default', () => expect(new RetryRules({}).retries).toBe(1));

  it('repeats what was not sent, and what is idempotent', () => {
    const rules = new RetryRules({});
    expect(rules.afterError(post, failed, queued, undefined)).toBe(true);
    expect(rules.afterError(post, failed, begun, undefined)).toBe(false);
    expect(rules.afterError(get, failed, begun, undefined)).toBe(true);
  });

  it('takes only `true` for a yes of a function, not a promise', () => {
    const rules = new RetryRules({ retryOn: (async () => true) as never });
    expect(rules.afterError(post, failed, begun, undefined)).toBe(false);
    expect(rules.afterStatus(post, failed, undefined)).toBe(false);
  });

  it('repeats a stream only while nobody has it', () => {
    const rules = new RetryRules({ retryOn: () => true });
    const stream = () => Readable.from(['x']);
    expect(rules.afterError(get, failed, queued, stream())).toBe(true);
    expect(rules.afterError(get, failed, held, stream())).toBe(false);
    expect(rules.afterError(get, failed, begun, stream())).toBe(false);
  });

  it('asks a function about what may be repeated only, and once', () => {
    const asked: unknown[] = [];
    const rules = new RetryRules({ retryOn: (request) => asked.push(request) > 0 });
    expect(rules.afterError(post, failed, begun, Readable.from(['x']))).toBe(false);
    expect(asked).toEqual([]);
    expect(rules.afterError(post, failed, begun, 'text')).toBe(true);
    expect(asked).toEqual([failed]);
  });
});

describe('after a status', () => {
  it('repeats what is idempotent', () => {
    const rules = new RetryRules({ retryOn: [503] });
    expect(rules.afterStatus(get, failed, undefined)).toBe(true);
    expect(rules.afterStatus(post, failed, undefined)).toBe(false);
    expect(rules.afterStatus({ ...post, idempotent: true }, failed, undefined)).toBe(true);
    expect(rules.afterStatus({ ...get, idempotent: false }, failed, undefined)).toBe(false);
  });

  it('repeats what a function says, and only that', () => {
    expect(new RetryRules({ retryOn: () => true }).afterStatus(post, failed, 'x')).toBe(true);
    expect(new RetryRules({ retryOn: () => false }).afterStatus(get, failed, 'x')).toBe(false);
    expect(new RetryRules({ retryOn: (() => 1) as never }).afterStatus(get, failed, 'x')).toBe(false);
  });

  it('repeats no body that can be read but once', () => {
    expect(new RetryRules({ retryOn: () => true }).afterStatus(get, failed, ['x'])).toBe(false);
  });
});
