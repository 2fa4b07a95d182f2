import { signal as aSignal, callable, fields, flag, number, oneOf, refuse } from '../../checks.ts';
import type { WarningSink } from './notices.ts';

export interface RegisterOptions {
  /** Gives up registering; later it means nothing. */
  readonly signal?: AbortSignal;
  /** Milliseconds to go on trying while the agent cannot be reached, 1…86 400 000. Default: without end. */
  readonly timeout?: number;
  /**
   * Milliseconds after which it is looked whether the agent still knows the instance, 1 000…3 600 000; up to half of it earlier, and later
   * only with more than 500 of them. Default 10 000.
   */
  readonly checkInterval?: number;
  /** Default: process.emitWarning. */
  readonly onWarning?: WarningSink;
  /** Takes it back when the process is asked to end, or has nothing left to do. `true`: with the defaults. Default: no. */
  readonly onShutdown?: boolean | ShutdownOptions;
}

export interface ShutdownOptions {
  /** Default `['SIGTERM', 'SIGINT']`. */
  readonly signals?: readonly NodeJS.Signals[];
  /** Lets callers turn away before it goes: `grace`. Default `true`. */
  readonly drain?: boolean;
  /**
   * Milliseconds in maintenance mode, 0…3 600 000: at least 1.1 times the interval at which callers look, and an answer's time. Default 6 000,
   * for callers that look every 5 s.
   */
  readonly grace?: number;
  /** Called when no caller comes any more, and awaited: here a server waits for its last requests. */
  readonly finish?: () => unknown;
  /** Milliseconds each for the agent to hear it and for `finish`, 1…3 600 000. Default 10 000. */
  readonly timeout?: number;
}

export interface CompleteRegisterOptions {
  readonly signal: AbortSignal | undefined;
  readonly timeout: number | undefined;
  readonly checkInterval: number;
  readonly onWarning: WarningSink | undefined;
  readonly onShutdown: CompleteShutdownOptions | undefined;
}

export interface CompleteShutdownOptions extends Required<Omit<ShutdownOptions, 'finish'>> {
  readonly finish: (() => unknown) | undefined;
}

export const defaultGrace = 6_000;
export const grace = number(0, 3_600_000);

const checkShutdown = fields({
  signals: (value, path) =>
    Array.isArray(value)
      ? value.map((one, i) =>
          oneOf('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGBREAK')(one, `${path}[${i}]`),
        )
      : refuse(path, "a list like ['SIGTERM']", value),
  drain: flag,
  grace,
  finish: callable<() => unknown>('a function'),
  timeout: number(1, 3_600_000),
});

const checkOptions = fields({
  signal: aSignal,
  timeout: number(1, 86_400_000),
  checkInterval: number(1_000, 3_600_000),
  onWarning: callable<WarningSink>('a function'),
  onShutdown: (value, path) => (typeof value === 'boolean' ? value : checkShutdown(value, path)),
});

/** @throws InvalidOptionError */
export function completeRegisterOptions(given: unknown = {}): CompleteRegisterOptions {
  const {
    signal,
    timeout,
    checkInterval = 10_000,
    onWarning,
    onShutdown,
  } = checkOptions(given, 'register') as RegisterOptions;
  return { signal, timeout, checkInterval, onWarning, onShutdown: completeShutdown(onShutdown) };
}

function completeShutdown(given: RegisterOptions['onShutdown']): CompleteShutdownOptions | undefined {
  if (given === undefined || given === false) return undefined;
  const {
    signals = ['SIGTERM', 'SIGINT'],
    drain = true,
    grace = defaultGrace,
    finish,
    timeout = 10_000,
  } = given === true ? {} : given;
  return { signals, drain, grace, finish, timeout };
}
