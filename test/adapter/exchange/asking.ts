import type { Controller, Handler, NewHandler, OldHandler } from '../../../src/adapter/undici/dispatch.ts';
import type { Manner } from './scripted-transport.ts';

/** Every moment at which a handler is called. */
export type Moment =
  | 'begin'
  | 'started'
  | 'head'
  | 'data'
  | 'end'
  | 'upgrade'
  | 'error'
  | 'bodySent'
  | 'requestSent';

/** Who makes a request, and what it was told. */
export interface Asking {
  readonly handler: Handler;
  /** In words, in order: `begin`, `head 200`, `data body`, `end`, `error: …`; what comes while a body is sent is left out. */
  readonly told: readonly string[];
  /** What it failed with. */
  readonly error: unknown;
  readonly headers: unknown;
  readonly trailers: unknown;
  readonly controller: Controller | undefined;
  /** Parts of the request body that were sent, and ends of it. */
  readonly sentParts: readonly string[];
  abort(reason?: unknown): void;
  resume(): void;
  pause(): void;
}

export interface AskingOptions {
  /** What the handler does when it is called. */
  readonly at?: Partial<Record<Moment, (asking: Asking) => void>>;
  /** What `onHeaders` and `onData` return in the old manner; `false` pauses. */
  readonly wantsMore?: boolean;
}

/** A handler of a user, in one of undici's manners. */
export function asking(manner: Manner, { at = {}, wantsMore = true }: AskingOptions = {}): Asking {
  const told: string[] = [];
  const sentParts: string[] = [];
  const state: {
    error?: unknown;
    headers?: unknown;
    trailers?: unknown;
    controller?: Controller;
    abort?: (reason?: unknown) => void;
    resume?: () => void;
  } = {};
  const self: Asking = {
    get handler() {
      return manner === 'old' ? old : young;
    },
    told,
    sentParts,
    get error() {
      return state.error;
    },
    get headers() {
      return state.headers;
    },
    get trailers() {
      return state.trailers;
    },
    get controller() {
      return state.controller;
    },
    abort: (reason) => state.abort!(reason),
    resume: () => state.resume!(),
    pause: () => state.controller!.pause(),
  };
  const note = (moment: Moment, words: string) => {
    told.push(words);
    at[moment]?.(self);
  };
  const failed = (error: unknown) => {
    state.error = error;
    note('error', `error: ${error instanceof Error ? error.message : String(error)}`);
  };
  const sent = (moment: 'bodySent' | 'requestSent', what: string) => {
    sentParts.push(what);
    at[moment]?.(self);
  };
  const sending = {
    onResponseStarted: () => at.started?.(self),
    onBodySent: (chunk: unknown) => sent('bodySent', String(chunk)),
    onRequestSent: () => sent('requestSent', '.'),
  };
  const old: OldHandler = {
    ...sending,
    onConnect(abort) {
      state.abort = abort;
      note('begin', 'begin');
    },
    onHeaders(status, headers, resume) {
      state.resume = resume;
      state.headers = headers;
      note('head', `head ${status}`);
      return wantsMore;
    },
    onData(chunk) {
      note('data', `data ${chunk}`);
      return wantsMore;
    },
    onComplete(trailers) {
      state.trailers = trailers;
      note('end', 'end');
    },
    onUpgrade: () => note('upgrade', 'upgrade'),
    onError: failed,
  };
  const young: NewHandler = {
    ...sending,
    onRequestStart(controller) {
      state.controller = controller;
      state.abort = (reason) => controller.abort(reason);
      state.resume = () => controller.resume();
      note('begin', 'begin');
    },
    onResponseStart(controller, status, headers) {
      state.headers = headers;
      note('head', `head ${status}`);
      if (!wantsMore) controller.pause();
    },
    onResponseData(controller, chunk) {
      note('data', `data ${chunk}`);
      if (!wantsMore) controller.pause();
    },
    onResponseEnd(_controller, trailers) {
      state.trailers = trailers;
      note('end', 'end');
    },
    onRequestUpgrade: () => note('upgrade', 'upgrade'),
    onResponseError: (_controller, error) => failed(error),
  };
  return self;
}
