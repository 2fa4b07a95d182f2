import { errorMonitor } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Outcome } from '../../balancer/balancer.ts';
import { nothingNew } from '../nothing-new.ts';
import { speaksWell } from '../response-outcome.ts';
import { isTimeout } from '../timeouts.ts';

export interface Ends {
  /** Milliseconds since the attempt began. */
  elapsed(): number;
  /** The request has its socket: from here on Node closes what is to be closed. */
  begun(): void;
  /** The answer is an upgrade, which went so: the socket is the caller's now, and `ended` comes when it closes. */
  upgraded(outcome: Outcome): void;
  ended(outcome: Outcome): void;
}

/** Not in the types: the response once its head is read, and whether the socket was handed to an 'upgrade' or 'connect' listener. */
type Request = ClientRequest & {
  readonly res?: (IncomingMessage & { readonly upgrade?: boolean }) | null;
  readonly upgradeOrConnect?: boolean;
};

/**
 * Watches one request from its socket to its end, unnoticed: a listener for 'response', 'upgrade' or 'error' would change what Node
 * does with bodies, sockets and errors that nobody else wants, so that all is read off what Node leaves behind.
 */
export class Exchange {
  readonly #request: Request;
  readonly #ends: Ends;
  #socket: Duplex | undefined;
  #firstByte: number | undefined;
  #error: unknown;
  #givenUp = false;
  #timedOut = false;
  #over = false;

  constructor(request: ClientRequest, ends: Ends) {
    this.#request = request;
    this.#ends = ends;
    // Not once(), which costs as much as the rest: each of them comes once, or may come again.
    request.on('socket', (socket) => this.#begin(socket));
    request.on(errorMonitor, (error) => this.#failed(error));
    request.on('timeout', () => {
      this.#timedOut = true;
    });
    request.on('close', () => this.#closed());
  }

  /** Whether the caller's patience has ended, and not only the caller's wish. */
  timedOut(error: unknown): boolean {
    return this.#timedOut || isTimeout(error);
  }

  #begin(socket: Duplex): void {
    if (this.#over) return;
    this.#socket = socket;
    this.#ends.begun();
    // Before Node's own listener: what that leads to may take its time.
    socket.prependOnceListener('data', () => {
      this.#firstByte = this.#ends.elapsed();
      process.nextTick(() => this.#answered());
    });
  }

  /** A short answer is all there with its first bytes. It has ended then, even if nobody ever reads its body. */
  #answered(): void {
    const { res, upgradeOrConnect, writableFinished } = this.#request;
    if (!this.#over && res?.complete && !res.upgrade && !upgradeOrConnect && writableFinished)
      this.#end(this.#judged());
  }

  #failed(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    // Node sets it after a failure from outside, and before one that destroy() brings about.
    this.#givenUp = this.#request.destroyed;
  }

  #closed(): void {
    if (this.#over) return;
    const socket = this.#socket;
    const outcome = this.#judged();
    if (this.#request.upgradeOrConnect !== true || socket === undefined || socket.destroyed) {
      this.#end(outcome);
      return;
    }
    this.#ends.upgraded(outcome);
    socket.once('close', () => this.#end(nothingNew));
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#ends.ended(outcome);
  }

  #judged(): Outcome {
    const { res } = this.#request;
    const times = {
      elapsed: this.#ends.elapsed(),
      ...(this.#firstByte !== undefined && { firstByte: this.#firstByte }),
    };
    // Also where an upload that nobody wanted any more broke off afterwards.
    if (res?.complete || this.#request.upgradeOrConnect)
      return { ok: speaksWell(res?.statusCode ?? 200), ...times };
    const error = this.#error ?? res?.errored;
    if (this.timedOut(error) || (res ? this.#brokenOff(res) : this.#error !== undefined && !this.#givenUp))
      return { ok: false, ...times, error };
    return { ok: false, ...times, error, aborted: true };
  }

  /** Whether a body that stopped half-way was stopped by the other side. */
  #brokenOff(res: IncomingMessage): boolean {
    const { errored, readableEnded } = this.#socket as Duplex;
    if (this.#givenUp) return false;
    return readableEnded || (errored !== null && errored !== res.errored);
  }
}
