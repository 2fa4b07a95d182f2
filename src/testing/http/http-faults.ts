import type { Clock } from '../../clock.ts';

/** What the HTTP API was asked. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The body, as text. */
  readonly body: string;
}

/** Faults on demand. Each holds until it is switched off, and each is off at first. */
export interface HttpFaults {
  /** Closes the port and breaks the connections, or opens it again: connections are refused. */
  down(on: boolean): Promise<void>;
  /** No answer at all; connections stay open. */
  hang(on: boolean): void;
  /** Breaks the connection of each request instead of an answer. */
  reset(on: boolean): void;
  /** Holds each answer back by so many ms, or by what the function says of its request. */
  delay(ms: number | ((request: HttpRequest) => number)): void;
  /** Each request gets this status, with this text, instead of an answer: 429, 500, 503 …; undefined ends it. */
  error(status: number | undefined, text?: string): void;
  /** The next `count` requests get that status. */
  failNext(count: number, status?: number, text?: string): void;
  /**
   * false: the datacenter has lost its leader. With `?stale` there are answers, which say so; anything else that needs a server
   * is held for 7 s and more (1.8.7: 7 to 7.4 s), then fails. true: one is elected.
   */
  leader(elected: boolean): void;
  /** Breaks all connections, those of blocking queries too, as a proxy that restarts. */
  disconnect(): void;
  /** The agent loses what was registered with it, as one without a data directory that starts anew. */
  forget(): void;
  /** The faults of single answers (`hang`, `reset`, `delay`, `error`, `failNext`) hit only requests this says yes to; undefined: all. */
  only(hit: ((request: HttpRequest) => boolean) | undefined): void;
}

/** What is wrong at the moment; nothing by default. */
export interface HttpFaultState {
  hang: boolean;
  reset: boolean;
  delay: (request: HttpRequest) => number;
  error: { status: number; text: string } | undefined;
  failing: { count: number; status: number; text: string };
  leader: boolean;
  /** When the leader was lost, in the clock's time. */
  lostAt: number;
  only: ((request: HttpRequest) => boolean) | undefined;
}

export function noHttpFaults(): HttpFaultState {
  return {
    hang: false,
    reset: false,
    delay: () => 0,
    error: undefined,
    failing: { count: 0, status: 500, text: '' },
    leader: true,
    lostAt: 0,
    only: undefined,
  };
}

export interface HttpFaultActions {
  down(on: boolean): Promise<void>;
  disconnect(): void;
  forget(): void;
}

export function httpFaultControl(state: HttpFaultState, clock: Clock, actions: HttpFaultActions): HttpFaults {
  return {
    ...actions,
    hang: (on) => {
      state.hang = on;
    },
    reset: (on) => {
      state.reset = on;
    },
    delay: (ms) => {
      state.delay = typeof ms === 'number' ? () => ms : ms;
    },
    error: (status, text = 'internal error') => {
      state.error = status === undefined ? undefined : { status, text };
    },
    failNext: (count, status = 500, text = 'internal error') => {
      state.failing = { count, status, text };
    },
    leader: (elected) => {
      state.leader = elected;
      if (!elected) state.lostAt = clock.now();
    },
    only: (hit) => {
      state.only = hit;
    },
  };
}
