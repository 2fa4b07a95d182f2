import type { Duplex } from 'node:stream';
import type { TimerHandle } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { RequestTimeoutError } from '../../errors.ts';
import type { Lease } from '../../lease.ts';
import { nothingNew } from '../nothing-new.ts';
import { speaksWell } from '../response-outcome.ts';
import type { Headers } from './dispatch.ts';
import type { Exchange, Transport } from './exchange.ts';

/** What is read of a response that nobody wants, in bytes, so that its connection can be used again; beyond that it is closed. */
const worthReading = 65_536;
/** And in ms. */
const worthWaiting = 1_000;
const unwanted = () => new Error('the response is not wanted any more');

/**
 * One attempt at one endpoint: holds its lease and says, exactly once, how it went. Its handler tells it what undici says, and asks it
 * what of that is for the asker.
 */
export class Try {
  readonly startedAt: number;
  /** Whether the request may have been sent, or part of it. */
  begun = false;
  /** Whether undici still holds the request, and its body, until its turn comes: it cannot be taken back before. */
  held = false;
  readonly #exchange: Exchange;
  readonly #lease: Lease;
  readonly #transport: Transport;
  #abort: ((reason: unknown) => void) | undefined;
  #timer: TimerHandle | undefined;
  #settled = false;
  #error: unknown;
  #status = 0;
  #firstByte = -1;
  /** Another attempt takes its place. */
  #discarded = false;
  #unread = worthReading;

  constructor(exchange: Exchange, lease: Lease, transport: Transport) {
    this.#exchange = exchange;
    this.#lease = lease;
    this.#transport = transport;
    this.startedAt = exchange.clock.now();
  }

  get endpoint(): Endpoint {
    return this.#lease.endpoint;
  }

  /** Whether what comes now is for the asker. */
  get speaks(): boolean {
    return !this.#settled && !this.#discarded;
  }

  /** Fails where no response has come in so many ms. */
  limit(milliseconds: number, service: string): void {
    this.#timer = this.#exchange.clock.setTimeout(() => {
      this.held = !this.begun;
      const message = `${service}: ${this.endpoint.address} did not answer in ${milliseconds} ms.`;
      this.failed(new RequestTimeoutError(message));
    }, milliseconds);
  }

  /** The connection is there and the request is about to be written: the last moment to take it back. */
  begin(abort: (reason: unknown) => void): void {
    if (this.#settled) abort(this.#error);
    else {
      this.begun = true;
      this.#abort = abort;
    }
  }

  /** The head of a response. @returns whether it is for the asker. `read` is called where the headers matter. */
  head<H>(status: number, headers: H, read: (headers: H) => Headers): boolean {
    if (!this.speaks) return false;
    // Only announces another.
    if (status < 200) return true;
    this.#clearTimer();
    this.#status = status;
    this.#firstByte = this.#exchange.clock.now() - this.startedAt;
    this.#discarded = this.#exchange.repeatsAfter(this, status, headers, read);
    if (this.#discarded) this.#readOn();
    // A function of the user that was asked may have ended it.
    return this.speaks;
  }

  /** Part of a body. @returns whether it is for the asker. */
  data(length: number): boolean {
    if (this.speaks) return true;
    this.#unread -= length;
    if (this.#unread < 0) this.#abort?.(unwanted());
    return false;
  }

  /** The response is complete. @returns whether that is for the asker. */
  complete(): boolean {
    const speaks = this.speaks;
    this.#settle(speaksWell(this.#status), undefined, false);
    if (speaks) this.#exchange.finished();
    return speaks;
  }

  /** It has become another protocol; the lease ends when that does. @returns whether that is for the asker. */
  upgraded(status: number, socket: Duplex): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#clearTimer();
    const elapsed = this.#exchange.clock.now() - this.startedAt;
    this.#transport.done(this.endpoint);
    // What refuses a tunnel looks like one to undici.
    this.#exchange.report(this.endpoint, { ok: speaksWell(status), elapsed, firstByte: elapsed });
    socket.once('close', () => this.#lease.release(nothingNew));
    this.#exchange.finished();
    return true;
  }

  /** It ended without a complete response. */
  failed(error: unknown): void {
    if (this.#settled) return;
    const answered = this.#firstByte >= 0;
    const discarded = this.#discarded;
    const blameless = this.#exchange.isCallers(error);
    this.#settle(discarded && speaksWell(this.#status), error, blameless);
    this.#abort?.(error);
    if (discarded) return;
    if (answered) this.#exchange.broken(error);
    else this.#exchange.failed(this, error);
  }

  /** Nobody waits for it any more. `blameless`: that says nothing of the endpoint, unless it had said that it fails. */
  giveUp(error: unknown, blameless: boolean): void {
    if (this.#settled) return;
    this.#settle(false, error, blameless && speaksWell(this.#status));
    this.#abort?.(error);
  }

  /** A function of the asker threw: that is its own business, and the end. */
  askerThrew(error: unknown): void {
    this.#exchange.abort(error);
  }

  /** Whoever says at once that it fails may still take its time for the rest. */
  #readOn(): void {
    this.#timer = this.#exchange.clock.setTimeout(() => this.failed(unwanted()), worthWaiting);
  }

  #settle(ok: boolean, error: unknown, aborted: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#error = error;
    this.#clearTimer();
    this.#transport.done(this.endpoint);
    const elapsed = this.#exchange.clock.now() - this.startedAt;
    const firstByte = this.#firstByte;
    if (firstByte < 0)
      this.#lease.release(aborted ? { ok, elapsed, error, aborted } : { ok, elapsed, error });
    else if (aborted) this.#lease.release({ ok, elapsed, firstByte, error, aborted });
    else if (ok) this.#lease.release({ ok, elapsed, firstByte });
    else
      this.#lease.release({ ok, elapsed, firstByte, error: error ?? new Error(`response ${this.#status}`) });
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#exchange.clock.clearTimeout(this.#timer);
  }
}
