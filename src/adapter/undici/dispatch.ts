/**
 * What passes between undici and its dispatchers, in both manners that are in use: undici 7 and the fetch of Node up to 24 tell a
 * handler by `onConnect`, `onHeaders` …, undici 8 and the fetch of Node 26 by `onRequestStart`, `onResponseStart` …; undici 7
 * understands both. Here and not from undici's types, which differ from major to major.
 */
import type { Duplex } from 'node:stream';

export interface DispatchOptions {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly headers?: unknown;
  /** Says of a method that it can be sent twice, or of an idempotent one that it cannot. */
  readonly idempotent?: boolean | null;
  readonly upgrade?: unknown;
  /** `false`: who asks does not understand HTTP/2. */
  readonly allowH2?: boolean;
  readonly servername?: string | null;
}

export type RawHeaders = readonly (Buffer | string | readonly (Buffer | string)[])[];
export type Headers = Record<string, string | string[] | undefined>;

export interface Controller {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: unknown;
  rawHeaders?: unknown;
  rawTrailers?: unknown;
  abort(reason: unknown): void;
  pause(): void;
  resume(): void;
}

export interface OldHandler {
  onConnect?(abort: (reason?: unknown) => void, context?: unknown): void;
  onUpgrade?(status: number, headers: RawHeaders, socket: Duplex): void;
  onResponseStarted?(): void;
  onHeaders?(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean;
  onData?(chunk: Buffer): boolean;
  onComplete?(trailers: RawHeaders): void;
  onError?(error: unknown): void;
  onBodySent?(chunk: unknown, total?: number): void;
  onRequestSent?(): void;
}

export interface NewHandler {
  onRequestStart?(controller: Controller, context?: unknown): void;
  onRequestUpgrade?(controller: Controller, status: number, headers: Headers, socket: Duplex): void;
  onResponseStarted?(): void;
  onResponseStart?(controller: Controller, status: number, headers: Headers, statusText?: string): void;
  onResponseData?(controller: Controller, chunk: Buffer): void;
  onResponseEnd?(controller: Controller, trailers: Headers): void;
  onResponseError?(controller: Controller | null, error: unknown): void;
  onBodySent?(chunk: unknown, total?: number): void;
  onRequestSent?(): void;
}

export type Handler = OldHandler | NewHandler;

export function isNew(handler: Handler): handler is NewHandler {
  return typeof (handler as NewHandler).onRequestStart === 'function';
}
