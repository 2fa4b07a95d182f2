import type {
  Controller,
  DispatchOptions,
  Headers,
  NewHandler,
  OldHandler,
} from '../../../src/adapter/undici/dispatch.ts';
import { isNew } from '../../../src/adapter/undici/dispatch.ts';
import type { Transport } from '../../../src/adapter/undici/exchange.ts';
import { rawHeaders } from '../../../src/adapter/undici/raw-headers.ts';
import type { Endpoint } from '../../../src/endpoint.ts';

/** In whose words: undici 7 and before, or 8. */
export type Manner = 'old' | 'new';
export const manners: readonly Manner[] = ['old', 'new'];

type Sendable = Record<string, string | string[]>;

/** What an attempt was told to send, and the strings by which a test plays undici, which ends a request once and is deaf from then on. */
export interface Sent {
  readonly endpoint: Endpoint;
  readonly options: DispatchOptions;
  /** Has begun: there was a connection. */
  readonly begun: boolean;
  /** Undici has nothing to do with it any more. */
  readonly ended: boolean;
  /** What it was aborted with, as `{ reason }`. */
  readonly aborted: { reason: unknown } | undefined;
  /** How often it was. */
  readonly aborts: number;
  /** Set: who sends it does not hear of an abort. */
  deaf: boolean;
  /** Whether undici was told to read on later. */
  readonly paused: boolean;
  begin(): Sent;
  bodySent(chunk?: string): Sent;
  head(status: number, headers?: Sendable): Sent;
  data(chunk: string): Sent;
  end(trailers?: Record<string, string>): Sent;
  /** Head, body and end of a response at once. */
  respond(status: number, headers?: Sendable): Sent;
  upgrade(socket: unknown, status?: number): Sent;
  fail(error: unknown): Sent;
}

export interface ScriptedTransport extends Transport {
  readonly sent: readonly Sent[];
  /** Of the attempt that was sent last. */
  readonly last: Sent;
  /** `send()` calls that `done()` has not followed yet. */
  readonly open: number;
  /** Is called at the next `send()`, before that returns. */
  atSend: ((sent: Sent) => void) | undefined;
}

/** Where attempts go that a test lets succeed and fail as it likes. */
export function scriptedTransport(): ScriptedTransport {
  const sent: Sent[] = [];
  const open = new Map<Endpoint, number>();
  const count = (endpoint: Endpoint, by: number) => open.set(endpoint, (open.get(endpoint) ?? 0) + by);
  return {
    sent,
    atSend: undefined,
    get last() {
      const last = sent.at(-1);
      if (last === undefined) throw new Error('nothing was sent yet');
      return last;
    },
    get open() {
      if ([...open.values()].some((each) => each < 0)) throw new Error('done() without send()');
      return [...open.values()].reduce((sum, each) => sum + each, 0);
    },
    send(endpoint, options, handler) {
      const one = new Request(endpoint, options, isNew(handler) ? handler : inNewManner(handler));
      sent.push(one);
      count(endpoint, 1);
      const { atSend } = this;
      this.atSend = undefined;
      atSend?.(one);
    },
    done: (endpoint) => void count(endpoint, -1),
  };
}

/** As lib/core/request.js of undici has it: what a handler throws ends the request, and nothing comes after the end. */
class Request implements Sent {
  readonly endpoint: Endpoint;
  readonly options: DispatchOptions;
  begun = false;
  ended = false;
  aborted: { reason: unknown } | undefined;
  aborts = 0;
  deaf = false;
  readonly #handler: NewHandler;
  readonly #controller: Controller;
  #paused = false;

  constructor(endpoint: Endpoint, options: DispatchOptions, handler: NewHandler) {
    this.endpoint = endpoint;
    this.options = options;
    this.#handler = handler;
    this.#controller = this.#control();
  }

  get paused(): boolean {
    return this.#paused;
  }

  begin(): this {
    if (this.begun) throw new Error('a request begins once');
    this.begun = true;
    return this.#tell(() => this.#handler.onRequestStart?.(this.#controller, {}));
  }

  bodySent(chunk = 'part'): this {
    return this.#tell(() => {
      this.#handler.onBodySent?.(Buffer.from(chunk));
      this.#handler.onRequestSent?.();
    });
  }

  head(status: number, headers: Sendable = {}): this {
    if (!this.begun) this.begin();
    return this.#tell(() => {
      this.#handler.onResponseStarted?.();
      this.#controller.rawHeaders = rawHeaders(headers);
      this.#handler.onResponseStart?.(this.#controller, status, headers, 'Text');
    });
  }

  data(chunk: string): this {
    return this.#tell(() => this.#handler.onResponseData?.(this.#controller, Buffer.from(chunk)));
  }

  end(trailers: Record<string, string> = {}): this {
    return this.#tell(() => {
      this.ended = true;
      this.#controller.rawTrailers = rawHeaders(trailers);
      this.#handler.onResponseEnd?.(this.#controller, trailers);
    });
  }

  respond(status: number, headers?: Sendable): this {
    return this.head(status, headers).data('body').end();
  }

  upgrade(socket: unknown, status = 101): this {
    if (!this.begun) this.begin();
    return this.#tell(() => {
      this.ended = true;
      this.#controller.rawHeaders = rawHeaders({ Upgrade: 'talk' });
      this.#handler.onRequestUpgrade?.(this.#controller, status, { upgrade: 'talk' }, socket as never);
    });
  }

  fail(error: unknown): this {
    if (!this.ended) {
      this.ended = true;
      this.#handler.onResponseError?.(this.#controller, error);
    }
    return this;
  }

  #tell(say: () => void): this {
    if (this.ended) return this;
    try {
      say();
    } catch (error) {
      this.ended = false;
      this.fail(error);
    }
    return this;
  }

  #control(): Controller {
    const request = this;
    return {
      rawHeaders: null,
      rawTrailers: null,
      get aborted() {
        return request.aborted !== undefined;
      },
      get paused() {
        return request.#paused;
      },
      get reason() {
        return request.aborted?.reason;
      },
      abort(reason) {
        request.aborts++;
        if (request.ended) return;
        request.aborted = { reason };
        if (!request.deaf) request.fail(reason);
      },
      pause() {
        request.#paused = true;
      },
      resume() {
        request.#paused = false;
      },
    };
  }
}

/** As undici 7 speaks to a handler that has no `onRequestStart`. */
function inNewManner(handler: OldHandler): NewHandler {
  const raw = (headers: Headers) => rawHeaders(headers);
  return {
    onRequestStart: (controller) => handler.onConnect?.((reason) => controller.abort(reason)),
    onResponseStarted: () => handler.onResponseStarted?.(),
    onResponseStart: (controller, status, headers, text = '') => {
      if (handler.onHeaders?.(status, raw(headers), () => controller.resume(), text) === false)
        controller.pause();
    },
    onResponseData: (controller, chunk) => {
      if (handler.onData?.(chunk) === false) controller.pause();
    },
    onResponseEnd: (_controller, trailers) => handler.onComplete?.(raw(trailers)),
    onRequestUpgrade: (_controller, status, headers, socket) =>
      handler.onUpgrade?.(status, raw(headers), socket),
    onResponseError: (_controller, error) => handler.onError?.(error),
    onBodySent: (chunk) => handler.onBodySent?.(chunk),
    onRequestSent: () => handler.onRequestSent?.(),
  };
}
