import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/endpoint.ts';
import type { Moment } from './asking.ts';
import { closed, exchangeWorld, nothingIsLeft, refused, type World } from './exchange-world.ts';
import { FakeSocket } from './fake-socket.ts';
import { manners, type Sent } from './scripted-transport.ts';

/** What may happen next: at one of the attempts so far (a fraction says which), to the caller, to the list, or nothing but time. */
type Step =
  | {
      readonly what: 'begin' | 'bodySent' | 'data' | 'end' | 'refuse' | 'break' | 'upgrade';
      readonly at: number;
    }
  | {
      readonly what: 'head';
      readonly at: number;
      readonly status: number;
      readonly retryAfter: string | undefined;
    }
  | { readonly what: 'giveUp' | 'list'; readonly at: number }
  | { readonly what: 'wait'; readonly ms: number };

/** Mostly the newest. */
const fraction = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0.99) },
  { weight: 2, arbitrary: fc.nat(99).map((hundredths) => hundredths / 100) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constantFrom(
        'begin',
        'bodySent',
        'data',
        'end',
        'refuse',
        'refuse',
        'break',
        'break',
        'upgrade',
      ),
      at: fraction,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      what: fc.constant('head'),
      at: fraction,
      status: fc.constantFrom(103, 200, 404, 429, 500, 503, 503, 503),
      retryAfter: fc.constantFrom(undefined, '0', '1', '60'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('giveUp', 'list', 'list', 'list'), at: fraction }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('wait'), ms: fc.constantFrom(0, 1, 30, 300, 1_200) }),
  },
);

const story = fc.record(
  {
    manner: fc.constantFrom(...manners),
    list: fc.constantFrom('a', 'ab', 'abc', 'abcd'),
    unready: fc.boolean(),
    retries: fc.nat(4),
    retryOn: fc.constantFrom(
      undefined,
      [503],
      () => true,
      () => false,
    ),
    timeout: fc.constantFrom(undefined, undefined, 500, 5_000),
    attemptTimeout: fc.constantFrom(undefined, undefined, 100),
    retryBudget: fc.constantFrom(undefined, { share: 0, perSecond: 0.2 }),
    method: fc.constantFrom('GET', 'POST'),
    body: fc.constantFrom(undefined, 'text', 'generator'),
    throwsAt: fc.constantFrom<(Moment | undefined)[]>(
      undefined,
      undefined,
      undefined,
      undefined,
      'head',
      'data',
    ),
    endsWell: fc.boolean(),
    steps: fc.array(step, { minLength: 5, maxLength: 25 }),
  },
  { noNullPrototype: true },
);

/** Plays undici by its own rules: a head before a body, and nothing after the end. */
class Player {
  readonly #headed = new Set<Sent>();
  readonly sockets: FakeSocket[] = [];

  finish(sent: Sent): void {
    if (sent.ended) return;
    if (!this.#headed.has(sent)) sent.head(200);
    sent.end();
  }

  play(world: World, step: Step): void {
    if (step.what === 'wait' || step.what === 'giveUp' || step.what === 'list') return;
    const { sent } = world.transport;
    const one = sent[Math.floor(step.at * sent.length)];
    if (one === undefined || one.ended) return;
    if (!one.begun && ['begin', 'bodySent', 'data', 'end'].includes(step.what)) return void one.begin();
    const headed = this.#headed.has(one);
    if (step.what === 'refuse') one.fail(one.begun ? closed() : refused());
    else if (step.what === 'break') one.fail(closed());
    else if (step.what === 'bodySent') one.bodySent();
    else if (step.what === 'data' && headed) one.data('x'.repeat(40_000));
    else if (step.what === 'end' && headed) one.end();
    else if (step.what === 'head' && !headed) {
      if (step.status >= 200) this.#headed.add(one);
      one.head(step.status, step.retryAfter === undefined ? {} : { 'retry-after': step.retryAfter });
    } else if (step.what === 'upgrade' && !headed) {
      this.sockets.push(new FakeSocket());
      one.upgrade(this.sockets.at(-1));
    }
  }
}

const isLast = (words: string) => words === 'end' || words === 'upgrade' || words.startsWith('error');

/** Also where the endpoint has left. */
function inFlight({ transport }: World): number {
  return [...new Set(transport.sent.map(({ endpoint }) => endpoint))].reduce(
    (sum, each) => sum + each.inFlight,
    0,
  );
}

/** What holds at every moment. */
function holds(world: World, told: readonly string[], retries: number): void {
  const terminal = told.findIndex(isLast);
  expect(told[0]).toBe('begin');
  expect(told.filter((words) => words === 'begin')).toHaveLength(1);
  if (terminal >= 0) expect(told.slice(terminal + 1)).toEqual([]);
  expect(told.filter((words) => /^head [2-5]/.test(words)).length).toBeLessThanOrEqual(1);
  expect(world.transport.sent.length).toBeLessThanOrEqual(retries + 1);
  // Every lease is held or was released, once.
  expect(inFlight(world) + world.outcomes.length).toBe(world.transport.sent.length);
}

describe('an exchange, whatever happens in whichever order', () => {
  it('tells its asker one end, releases each lease once and asks nobody after the end or twice before all', async () => {
    const ends = new Map<string, number>();
    let repeated = 0;
    await fc.assert(
      fc.asyncProperty(
        story,
        async ({ manner, list, unready, retryBudget, method, body, throwsAt, steps, endsWell, ...rest }) => {
          const { retries } = rest;
          const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
          const service = retryBudget === undefined ? {} : { retryBudget };
          const world = await exchangeWorld({ ...given, list, unready, service, drawn: 0.5 });
          const asked = new Set<Endpoint>();
          const twice: string[] = [];
          const watch = (sent: Sent) => {
            world.transport.atSend = watch;
            const { endpoint } = sent;
            if (asked.has(endpoint) && world.web.available.some((each) => !asked.has(each)))
              twice.push(endpoint.address);
            asked.add(endpoint);
            if (asker?.told.some(isLast)) twice.push('after the end');
          };
          world.transport.atSend = watch;
          const broken = new Error('handler broke');
          const at = throwsAt && {
            [throwsAt]: () => {
              throw broken;
            },
          };
          let asker: ReturnType<World['ask']> | undefined;
          const player = new Player();
          asker = world.ask(
            manner,
            { method, body: body === 'generator' ? (async function* () {})() : body },
            at === undefined ? {} : { at },
          );
          world.release();
          for (const one of steps) {
            if (one.what === 'wait') await world.clock.advance(one.ms);
            else if (one.what === 'giveUp') asker.abort(new Error('given up'));
            else if (one.what === 'list') {
              world.source.answer = 'abcd'.slice(Math.floor(one.at * 4));
              await world.web.refresh();
            } else player.play(world, one);
            holds(world, asker.told, retries);
          }

          // All that is under way comes to its end.
          for (let i = 0; i < 50 && !asker.told.some(isLast); i++) {
            for (const sent of world.transport.sent) {
              if (endsWell) player.finish(sent);
              else sent.fail(closed());
            }
            await world.clock.advance(1_000);
          }
          for (const sent of world.transport.sent) if (!sent.ended && !sent.begun) sent.begin();
          for (const sent of world.transport.sent) sent.fail(closed());
          for (const socket of player.sockets) socket.destroy();
          await world.clock.advance(20_000);
          holds(world, asker.told, retries);
          expect(asker.told.filter(isLast)).toHaveLength(1);
          expect(twice).toEqual([]);
          expect(world.transport.sent.every(({ ended }) => ended)).toBe(true);
          expect(world.inFlight).toBe(0);
          expect(world.transport.open).toBe(0);
          if (!unready && !steps.some(({ what }) => what === 'list')) nothingIsLeft(world);
          const end = asker.told.at(-1)!.replace(/: .*/, '');
          ends.set(end, (ends.get(end) ?? 0) + 1);
          if (world.transport.sent.length > 1) repeated++;
          await world.discovery.close();
        },
      ),
      { numRuns: 400, seed: 6 },
    );
    // It is worth nothing where all of them go one way.
    for (const end of ['end', 'error', 'upgrade']) expect(ends.get(end)).toBeGreaterThan(15);
    expect(repeated).toBeGreaterThan(80);
  });
});
