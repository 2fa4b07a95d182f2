import { expect } from 'vitest';
import { RetryRules } from '../../../src/adapter/retry-rules.ts';
import { askerFor } from '../../../src/adapter/undici/askers.ts';
import type { DispatchOptions } from '../../../src/adapter/undici/dispatch.ts';
import { Exchange, type ExchangeSetup } from '../../../src/adapter/undici/exchange.ts';
import type { RetryOptions } from '../../../src/adapter/undici.ts';
import type { ServiceOptions } from '../../../src/index.ts';
import { createRandom } from '../../../src/random.ts';
import { letterOf } from '../../lists.ts';
import { readyWorld } from '../../service-world.ts';
import { type Asking, type AskingOptions, asking } from './asking.ts';
import { recording, type Told } from './recording.ts';
import { type Manner, scriptedTransport } from './scripted-transport.ts';

export const refused = () =>
  Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
export const closed = () => Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });

export interface WorldOptions extends RetryOptions {
  readonly service?: ServiceOptions;
  readonly list?: string;
  readonly key?: ExchangeSetup['key'];
  /** What is drawn at random, 0…1. */
  readonly drawn?: number;
  /** The service waits for its first list until `release()`. */
  readonly unready?: boolean;
}

/** Exchanges with the service `web` over a transport that a test plays, in a world whose time stands still. */
export async function exchangeWorld({
  service = {},
  list = 'abc',
  key,
  drawn = 1,
  unready = false,
  ...retries
}: WorldOptions = {}) {
  const outcomes: Told[] = [];
  const reports: Told[] = [];
  const options = { balancer: () => recording(outcomes, reports), ...service };
  const world = await readyWorld(options, list);
  const { clock, source } = world;
  const release = unready ? source.hold() : () => {};
  const web = unready ? world.discovery.service('api', options) : world.web;
  const transport = scriptedTransport();
  const { timeout = Number.POSITIVE_INFINITY, attemptTimeout = Number.POSITIVE_INFINITY } = retries;
  const setup: ExchangeSetup = {
    clock,
    random: { ...createRandom(1), fraction: () => drawn },
    rules: new RetryRules(retries),
    timeout,
    attemptTimeout,
    key,
    abortError: () => new Error('Request aborted'),
  };
  const idle = clock.pending;

  return {
    ...world,
    web,
    /** Lets the first list come. */
    release,
    transport,
    outcomes,
    /** Begins a request. @param how which handler asks. */
    ask(
      manner: Manner,
      request: Partial<DispatchOptions> = {},
      how: AskingOptions & { replay?: unknown } = {},
    ): Asking & { exchange: Exchange } {
      const asker = asking(manner, how);
      const options = { origin: 'http://web.service.consul', path: '/', method: 'GET', ...request };
      const exchange = new Exchange(
        setup,
        web,
        transport,
        askerFor(asker.handler, true),
        options,
        how.replay,
      );
      exchange.start();
      return Object.assign(asker, { exchange });
    },
    /** Lets promises settle. */
    settle: () => clock.advance(0),
    /** The letters of those that attempts went to, in order. */
    get path(): string {
      return transport.sent.map(({ endpoint }) => letterOf(endpoint.host)).join('');
    },
    /** What the balancer was told as leases ended, without the errors: `a ok 5/3` is 5 ms in all and 3 to the first byte. */
    get said(): string[] {
      return outcomes.map(inWords);
    },
    /** What it was told before. */
    get reported(): string[] {
      return reports.map(inWords);
    },
    /** Of the exchange: those of the service are left out. */
    get timers(): number {
      return clock.pending - idle;
    },
    get inFlight(): number {
      return web.stats().inFlight;
    },
  };
}

function inWords({ endpoint, outcome: { ok, elapsed, firstByte, aborted } }: Told): string {
  const times = [elapsed, firstByte].filter((time) => time !== undefined).join('/');
  return `${letterOf(endpoint.host)} ${aborted ? 'nothing' : ok ? 'ok' : 'failed'} ${times}`.trimEnd();
}

export type World = Awaited<ReturnType<typeof exchangeWorld>>;

/** Nothing is left of a request: not in flight, no timer, all attempts told to the transport, each outcome once. */
export function nothingIsLeft(world: World): void {
  expect(world.inFlight).toBe(0);
  expect(world.timers).toBe(0);
  expect(world.transport.open).toBe(0);
  expect(world.outcomes).toHaveLength(world.transport.sent.length);
}
