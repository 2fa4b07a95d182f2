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
    if (!this.#attempt.speaks) return;
    try {
      this.#asker.onResponseStarted?.();
    } catch (error) {
      this.#attempt.askerThrew(error);
    }
  }

  onHeaders(status: number, raw: RawHeaders, resume: () => void, text: string): boolean {
    if (!this.#attempt.head(status, raw, parsedHeaders)) return true;
    try {
      return this.#asker.onHeaders?.(status, raw, resume, text) ?? true;
    } catch (error) {
      this.#attempt.askerThrew(error);
      return false;
    }
  }

  onData(chunk: Buffer): boolean {
    if (!this.#attempt.data(chunk.length)) return true;
    try {
      return this.#asker.onData?.(chunk) ?? true;
    } catch (error) {
      this.#attempt.askerThrew(error);
      return false;
    }
  }

  onComplete(trailers: RawHeaders): void {
    if (!this.#attempt.complete()) return;
    try {
      this.#asker.onComplete?.(trailers);
    } catch (error) {
      // As undici has it.
      this.#asker.onError?.(error);
    }
  }

  onUpgrade(status: number, raw: RawHeaders, socket: Duplex): void {
    if (!this.#attempt.upgraded(status, socket)) return void socket.destroy();
    try {
      this.#asker.onUpgrade?.(status, raw, socket);
    } catch (error) {
      socket.destroy();
      this.#asker.onError?.(error);
    }
  }

  onError(error: unknown): void {
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
