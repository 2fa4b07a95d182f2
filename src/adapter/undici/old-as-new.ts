import type { Duplex } from 'node:stream';
import type { Controller, Headers, NewHandler, OldHandler, RawHeaders } from './dispatch.ts';
import { rawHeaders } from './raw-headers.ts';

/** A handler of the old manner for an undici that knows only the new one: the fetch of Node 22 and 24 over undici 8. */
export class OldAsNew implements NewHandler {
  readonly #handler: OldHandler;

  constructor(handler: OldHandler) {
    this.#handler = handler;
  }

  onRequestStart(controller: Controller, context?: unknown): void {
    this.#handler.onConnect?.((reason) => controller.abort(reason), context);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onRequestUpgrade(controller: Controller, status: number, headers: Headers, socket: Duplex): void {
    this.#handler.onUpgrade?.(status, rawOf(controller.rawHeaders, headers), socket);
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, text = ''): void {
    const raw = rawOf(controller.rawHeaders, headers);
    const wantsMore = this.#handler.onHeaders?.(status, raw, () => controller.resume(), text) !== false;
    // The fetch of Node 24 says so of every response that only announces another, and may never say otherwise.
    if (!wantsMore && status >= 200) controller.pause();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#handler.onData?.(chunk) === false) controller.pause();
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    this.#handler.onComplete?.(rawOf(controller.rawTrailers, trailers));
  }

  onResponseError(_controller: Controller | null, error: unknown): void {
    this.#handler.onError?.(error);
  }

  onBodySent(chunk: unknown, total?: number): void {
    this.#handler.onBodySent?.(chunk, total);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }
}

function rawOf(raw: unknown, headers: Headers | undefined): RawHeaders {
  return Array.isArray(raw) ? raw : rawHeaders(headers ?? {});
}
