/**
 * Errors: few classes, a stable `code` on each.
 *
 * Programs branch on `code` (it never changes within a major version); people read `message`, which says what was
 * wrong, what was expected and what to do. The reason underneath is kept in `cause`.
 */

import type { Endpoint } from './endpoint.ts';

/** Every code an error of this package can carry. */
export type ErrorCode =
  | 'ERR_INVALID_OPTION'
  | 'ERR_INVALID_NAME'
  | 'ERR_NO_ENDPOINTS'
  | 'ERR_SERVICE_NOT_FOUND'
  | 'ERR_DNS_TIMEOUT'
  | 'ERR_DNS_RESPONSE'
  | 'ERR_UNREACHABLE'
  | 'ERR_READY_TIMEOUT'
  | 'ERR_OVERLOADED'
  | 'ERR_RETRIES_EXHAUSTED'
  | 'ERR_TIMEOUT'
  | 'ERR_PEER'
  | 'ERR_CONSUL'
  | 'ERR_CLOSED';

/** The base of every error this package throws. */
export class DiscoveryError extends Error {
  override readonly name: string = 'DiscoveryError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A bad option: unknown key, wrong type, impossible range. Thrown before anything is sent. */
export class InvalidOptionError extends DiscoveryError {
  override readonly name = 'InvalidOptionError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_INVALID_OPTION', message, options);
  }
}

/** A name that cannot be, or must not be, put into a DNS question. Thrown before anything is sent. */
export class InvalidNameError extends DiscoveryError {
  override readonly name = 'InvalidNameError';

  constructor(message: string) {
    super('ERR_INVALID_NAME', message);
  }
}

/** `pick()` had nothing to choose from. The message says what was asked and what came back. */
export class NoEndpointsError extends DiscoveryError {
  override readonly name = 'NoEndpointsError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_NO_ENDPOINTS', message, options);
  }
}

/** There are endpoints, and each of them carries `maxInFlight` requests: try again later, or shed the request. */
export class OverloadedError extends DiscoveryError {
  override readonly name = 'OverloadedError';

  constructor(message: string) {
    super('ERR_OVERLOADED', message);
  }
}

/** One try of `service.run()` that failed. */
export interface Attempt {
  readonly endpoint: Endpoint;
  /** Milliseconds. */
  readonly elapsed: number;
  /** What it failed with. */
  readonly cause: unknown;
}

/** `service.run()` tried more than once, or would have had to; `cause` is the last attempt's. */
export class RetriesExhaustedError extends DiscoveryError {
  override readonly name = 'RetriesExhaustedError';
  /** In the order in which they were made; at least one. */
  readonly attempts: readonly Attempt[];

  constructor(message: string, attempts: readonly Attempt[]) {
    super('ERR_RETRIES_EXHAUSTED', message, { cause: attempts.at(-1)?.cause });
    this.attempts = attempts;
  }
}

/** An attempt, or `service.run()` as a whole, took longer than it may. */
export class RequestTimeoutError extends DiscoveryError {
  override readonly name = 'RequestTimeoutError';
  /** The attempts that had failed by then; for the timeout of one attempt, none. */
  readonly attempts: readonly Attempt[];

  constructor(message: string, attempts: readonly Attempt[] = []) {
    super('ERR_TIMEOUT', message, { cause: attempts.at(-1)?.cause });
    this.attempts = attempts;
  }
}

/**
 * Consul answered, and the answer is that there is nothing under this name (NXDOMAIN or an empty answer).
 * DNS cannot tell a misspelt name from a service without a healthy instance or a missing permission: the message lists them.
 */
export class ServiceNotFoundError extends DiscoveryError {
  override readonly name = 'ServiceNotFoundError';
  /** Names this emptiness, where the source can tell when it ends: see `Resolution.token`. */
  readonly token: string | undefined;

  constructor(message: string, options?: ErrorOptions & { readonly token?: string | undefined }) {
    super('ERR_SERVICE_NOT_FOUND', message, options);
    this.token = options?.token;
  }
}

/** One try of a lookup that brought no usable answer. */
export interface DnsAttempt {
  /** `host:port` of the server that was asked. */
  readonly server: string;
  readonly transport: 'udp' | 'tcp';
  /** How long the try took, in milliseconds. */
  readonly elapsed: number;
  /** What happened, in words: `no reply in 1000 ms`, `SERVFAIL`, `connection refused`. */
  readonly outcome: string;
}

/** A lookup failed for a reason other than an empty answer; every try is listed. */
export class DnsError extends DiscoveryError {
  override readonly name = 'DnsError';
  readonly attempts: readonly DnsAttempt[];
  /**
   * The rcode of the last reply that was an error: `SERVFAIL`, `REFUSED`, `FORMERR`, `NOTIMP` …
   * `undefined` when nobody replied.
   */
  readonly rcode: string | undefined;

  constructor(
    code: 'ERR_DNS_TIMEOUT' | 'ERR_DNS_RESPONSE' | 'ERR_UNREACHABLE',
    message: string,
    attempts: readonly DnsAttempt[],
    options?: ErrorOptions & { readonly rcode?: string | undefined },
  ) {
    super(code, message, options);
    this.attempts = attempts;
    this.rcode = options?.rcode;
  }
}

/** A library that an adapter needs beside itself (undici, \@grpc/grpc-js) is missing, or of a version that cannot work here. */
export class PeerError extends DiscoveryError {
  override readonly name = 'PeerError';

  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PEER', message, options);
  }
}

/** Consul's HTTP API answered, and not with what was asked for: a status outside 2xx, or something that cannot be read. */
export class ConsulError extends DiscoveryError {
  override readonly name = 'ConsulError';
  /** HTTP status: 403 where the ACL token does not allow it, 404 where there is nothing, 500 also where there is no leader. */
  readonly status: number;
  /** The first 500 characters of what Consul said. */
  readonly body: string;

  constructor(
    message: string,
    answer: { readonly status: number; readonly body: string },
    options?: ErrorOptions,
  ) {
    super('ERR_CONSUL', message, options);
    this.status = answer.status;
    this.body = answer.body;
  }
}

/** Something was used after its `close()`. */
export class ClosedError extends DiscoveryError {
  override readonly name = 'ClosedError';

  constructor(message: string) {
    super('ERR_CLOSED', message);
  }
}
