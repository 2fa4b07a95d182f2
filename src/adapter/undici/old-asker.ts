import type { Duplex } from 'node:stream';
import type { OldHandler, RawHeaders } from './dispatch.ts';
import type { Asker, Exchange } from './exchange.ts';
import { parsedHeaders } from './raw-headers.ts';
import type { Try } from './try.ts';

/** Asks and is told in the manner of undici 7 and before. */
export class OldAsker implements Asker {
  readonly #handler: OldHandler;

  constructor(handler: OldHandler) {
    this.#handler = handler;
  }

  begin(exchange: Exchange): void {
    this.#handler.onConnect?.((reason) => exchange.abort(reason));
  }

  handler(attempt: Try): OldHandler {
    return new OldAttemptHandler(attempt, this.#handler);
  }

  fail(error: unknown): void {
    this.#handler.onError?.(error);
  }
}

class OldAttemptHandler implements OldHandler {
  readonly #attempt: Try;
  readonly #asker: OldHandler;

  constructor(attempt: Try, asker: OldHandler) {
    this.#attempt = attempt;
    this.#asker = asker;
  }

  onConnect(abort: (reason?: unknown) => void): void {
    this.#attempt.begin(abort);
  }

  onResponseStarted(): void {
    if (this.#attempt.speaks) this.#asker.onResponseStarted?.();
  }

  onHeaders(status: number, raw: RawHeaders, resume: () => void, text: string): boolean {
    return this.#attempt.head(status, raw, parsedHeaders)
      ? (this.#asker.onHeaders?.(status, raw, resume, text) ?? true)
      : true;
  }

  onData(chunk: Buffer): boolean {
    return this.#attempt.data(chunk.length) ? (this.#asker.onData?.(chunk) ?? true) : true;
  }

  onComplete(trailers: RawHeaders): void {
    if (this.#attempt.complete()) this.#asker.onComplete?.(trailers);
  }

  onUpgrade(status: number, raw: RawHeaders, socket: Duplex): void {
    if (this.#attempt.upgraded(socket)) this.#asker.onUpgrade?.(status, raw, socket);
    else socket.destroy();
  }

  onError(error: unknown): void {
    this.#attempt.failed(error);
  }

  onBodySent(chunk: unknown, total?: number): void {
    this.#asker.onBodySent?.(chunk, total);
  }

  onRequestSent(): void {
    this.#asker.onRequestSent?.();
  }
}
