import type { Duplex } from 'node:stream';
import type { Controller, Headers, NewHandler } from './dispatch.ts';
import type { Asker, Exchange } from './exchange.ts';
import type { Try } from './try.ts';

/** Asks and is told in the manner of undici 8. */
export class NewAsker implements Asker {
  readonly #handler: NewHandler;
  #controller: SteadyController | undefined;

  constructor(handler: NewHandler) {
    this.#handler = handler;
  }

  begin(exchange: Exchange): void {
    this.#controller = new SteadyController(exchange);
    this.#handler.onRequestStart?.(this.#controller, {});
  }

  handler(attempt: Try): NewHandler {
    return new NewAttemptHandler(attempt, this.#handler, this.#controller!);
  }

  fail(error: unknown): void {
    this.#handler.onResponseError?.(this.#controller!, error);
  }
}

/** One controller for the asker, whichever attempt is under way. */
class SteadyController implements Controller {
  readonly #exchange: Exchange;
  #inner: Controller | undefined;
  #paused = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** The attempt whose response the asker gets. */
  follow(inner: Controller): void {
    this.#inner = inner;
    if (this.#paused) inner.pause();
  }

  abort(reason: unknown): void {
    this.#exchange.abort(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }

  get paused(): boolean {
    return this.#paused;
  }

  get aborted(): boolean {
    return this.#exchange.aborted;
  }

  get reason(): unknown {
    return this.#exchange.reason;
  }

  get rawHeaders(): unknown {
    return this.#inner?.rawHeaders ?? null;
  }

  set rawHeaders(headers: unknown) {
    if (this.#inner !== undefined) this.#inner.rawHeaders = headers;
  }

  get rawTrailers(): unknown {
    return this.#inner?.rawTrailers ?? null;
  }

  set rawTrailers(trailers: unknown) {
    if (this.#inner !== undefined) this.#inner.rawTrailers = trailers;
  }
}

const asTheyAre = (headers: Headers): Headers => headers;

class NewAttemptHandler implements NewHandler {
  readonly #attempt: Try;
  readonly #asker: NewHandler;
  readonly #steady: SteadyController;

  constructor(attempt: Try, asker: NewHandler, steady: SteadyController) {
    this.#attempt = attempt;
    this.#asker = asker;
    this.#steady = steady;
  }

  onRequestStart(controller: Controller): void {
    this.#attempt.begin((reason) => controller.abort(reason));
  }

  onResponseStarted(): void {
    if (!this.#attempt.speaks) return;
    try {
      this.#asker.onResponseStarted?.();
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, text?: string): void {
    if (!this.#attempt.head(status, headers, asTheyAre)) return;
    this.#steady.follow(controller);
    try {
      this.#asker.onResponseStart?.(this.#steady, status, headers, text);
      // What undici 7 composes takes the fetch of Node for full at a response that only announces another.
      if (status < 200) this.#steady.resume();
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (!this.#attempt.data(chunk.length)) return;
    try {
      this.#asker.onResponseData?.(this.#steady, chunk);
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }

  onResponseEnd(_controller: Controller, trailers: Headers): void {
    if (!this.#attempt.complete()) return;
    try {
      this.#asker.onResponseEnd?.(this.#steady, trailers);
    } catch (error) {
      // As undici has it.
      this.#asker.onResponseError?.(this.#steady, error);
    }
  }

  onRequestUpgrade(controller: Controller, status: number, headers: Headers, socket: Duplex): void {
    if (!this.#attempt.upgraded(status, socket)) return void socket.destroy();
    this.#steady.follow(controller);
    try {
      this.#asker.onRequestUpgrade?.(this.#steady, status, headers, socket);
    } catch (error) {
      socket.destroy();
      this.#asker.onResponseError?.(this.#steady, error);
    }
  }

  onResponseError(_controller: Controller | null, error: unknown): void {
    this.#attempt.failed(error);
  }

  onBodySent(chunk: unknown, total?: number): void {
    if (!this.#attempt.speaks) return;
    try {
      this.#asker.onBodySent?.(chunk, total);
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }

  onRequestSent(): void {
    if (!this.#attempt.speaks) return;
    try {
      this.#asker.onRequestSent?.();
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }
}
