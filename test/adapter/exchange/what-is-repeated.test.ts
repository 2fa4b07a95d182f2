import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { DispatchOptions } from '../../../src/adapter/undici/dispatch.ts';
import type { RequestRetryOn } from '../../../src/adapter/undici.ts';
import { closed, exchangeWorld, refused } from './exchange-world.ts';
import { manners, type Sent } from './scripted-transport.ts';

const generator = () =>
  (async function* () {
    yield 'part';
  })();
const stream = () => Readable.from(['part']);

/** How an attempt fails. */
const failures = {
  'never connected': (sent: Sent) => sent.fail(refused()),
  'broke before an answer': (sent: Sent) => sent.begin().fail(closed()),
  'answered 503': (sent: Sent) => sent.respond(503),
  'broke in the body': (sent: Sent) => sent.head(200).fail(closed()),
} satisfies Record<string, (sent: Sent) => unknown>;

interface Row {
  readonly method?: string;
  readonly body?: () => unknown;
  readonly replay?: unknown;
  readonly more?: Partial<DispatchOptions>;
  readonly retryOn?: RequestRetryOn;
  /** `y`: repeated, `-`: not; in the order of `failures`. */
  readonly repeats: string;
}

const statuses = [503];
const always = () => true;
const never = () => false;
const rows: Record<string, Row> = {
  GET: { repeats: 'yy--' },
  HEAD: { method: 'HEAD', repeats: 'yy--' },
  OPTIONS: { method: 'OPTIONS', repeats: 'yy--' },
  TRACE: { method: 'TRACE', repeats: 'yy--' },
  'PUT of text': { method: 'PUT', body: () => 'text', repeats: 'yy--' },
  DELETE: { method: 'DELETE', repeats: 'yy--' },
  'delete in lower case': { method: 'delete', repeats: 'yy--' },
  POST: { method: 'POST', repeats: 'y---' },
  PATCH: { method: 'PATCH', repeats: 'y---' },
  "a method of somebody's own": { method: 'LOCK', repeats: 'y---' },
  CONNECT: { method: 'CONNECT', repeats: 'y---' },
  'POST of text': { method: 'POST', body: () => 'text', repeats: 'y---' },
  'POST of text that is idempotent': {
    method: 'POST',
    body: () => 'text',
    more: { idempotent: true },
    repeats: 'yy--',
  },
  'POST with an Idempotency-Key': {
    method: 'POST',
    body: () => 'text',
    more: { headers: { 'Idempotency-Key': '1' } },
    repeats: 'yy--',
  },
  'GET that is not idempotent': { more: { idempotent: false }, repeats: 'y---' },
  'PUT that says nothing of it': { method: 'PUT', more: { idempotent: null }, repeats: 'yy--' },
  'GET, 503 to be repeated': { retryOn: statuses, repeats: 'yyy-' },
  'POST, 503 to be repeated': { method: 'POST', retryOn: statuses, repeats: 'y---' },
  'POST that is idempotent, 503 to be repeated': {
    method: 'POST',
    more: { idempotent: true },
    retryOn: statuses,
    repeats: 'yyy-',
  },
  'GET that is not idempotent, 503 to be repeated': {
    more: { idempotent: false },
    retryOn: statuses,
    repeats: 'y---',
  },
  'GET, other statuses to be repeated': { retryOn: [502], repeats: 'yy--' },
  'POST, a function says yes': { method: 'POST', body: () => 'text', retryOn: always, repeats: 'yyy-' },
  'GET that is not idempotent, a function says yes': {
    more: { idempotent: false },
    retryOn: always,
    repeats: 'yyy-',
  },
  'GET, a function says no': { retryOn: never, repeats: 'yy--' },
  'POST, a function says no': { method: 'POST', retryOn: never, repeats: 'y---' },
  'GET, a function promises': { retryOn: (async () => true) as never, repeats: 'yy--' },
  'GET, a function says something true': { retryOn: (() => 'yes') as never, repeats: 'yy--' },
  'PUT of a buffer': { method: 'PUT', body: () => Buffer.from('x'), repeats: 'yy--' },
  'PUT of an Uint8Array': { method: 'PUT', body: () => new Uint8Array(2), repeats: 'yy--' },
  'PUT of an ArrayBuffer': { method: 'PUT', body: () => new ArrayBuffer(2), repeats: 'yy--' },
  'PUT of a blob': { method: 'PUT', body: () => new Blob(['x']), repeats: 'yy--' },
  'PUT of a stream': { method: 'PUT', body: stream, repeats: 'y---' },
  'PUT of a stream, a function says yes': { method: 'PUT', body: stream, retryOn: always, repeats: 'y---' },
  'PUT of a generator': { method: 'PUT', body: generator, repeats: 'y---' },
  'PUT of a generator, a function says yes': {
    method: 'PUT',
    body: generator,
    retryOn: always,
    repeats: 'y---',
  },
  'PUT of an iterable': { method: 'PUT', body: () => ['a', 'b'], repeats: 'y---' },
  'PUT of a form': { method: 'PUT', body: () => new FormData(), repeats: 'y---' },
  'PUT through fetch, which knows the body': {
    method: 'PUT',
    body: generator,
    replay: 'text',
    repeats: 'yy--',
  },
  'POST through fetch, which knows the body': {
    method: 'POST',
    body: generator,
    replay: 'text',
    repeats: 'y---',
  },
  'POST through fetch, a function says yes': {
    method: 'POST',
    body: generator,
    replay: 'text',
    retryOn: always,
    repeats: 'yyy-',
  },
};

for (const manner of manners) {
  describe(`what is repeated, in the ${manner} manner`, () => {
    const cases = Object.entries(rows).flatMap(([name, row]) =>
      Object.entries(failures).map(([how, fail], i) => ({
        name,
        row,
        how,
        fail,
        repeated: row.repeats[i] === 'y',
      })),
    );

    it.each(cases)('$name that $how: $repeated', async ({ row, fail, repeated }) => {
      const { method = 'GET', body, replay, more, retryOn } = row;
      const world = await exchangeWorld(retryOn === undefined ? {} : { retryOn });
      const given = body?.();
      const asker = world.ask(manner, { method, body: given, ...more }, { replay });
      fail(world.transport.last);
      await world.settle();
      expect(world.path).toBe(repeated ? 'ab' : 'a');
      if (repeated) {
        expect(asker.told).toEqual(['begin']);
        expect(world.transport.last.options).toMatchObject({ method, path: '/', ...more });
        // The same body, where it was not touched or can be read as often as wanted.
        expect(world.transport.last.options.body).toBe(replay === undefined ? given : replay);
        world.transport.last.respond(200);
        expect(asker.told).toEqual(['begin', 'head 200', 'data body', 'end']);
      } else {
        expect(['error', 'end']).toContain(asker.told.at(-1)?.split(':')[0]);
      }
      expect(world.inFlight).toBe(0);
      expect(world.timers).toBe(0);
    });
  });
}
