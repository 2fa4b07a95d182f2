/** An answer of the HTTP API. At most one of `json`, `bytes` and `text`; none: an empty body. */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  bytes?: Uint8Array;
  text?: string;
}

/** An answer that a blocking query can wait for: looked at anew after each change. */
export interface Read {
  /** Of what is asked for, at this moment. */
  index(): number;
  reply(): Reply;
  /** Whether it does not exist: a change that leaves it so wakes nobody. */
  absent?(): boolean;
  /** Names what the answer shows, where a change that leaves that as it is wakes nobody. */
  fingerprint?(): string;
  /** Whether it is news to who has seen that index; by default where it is higher now. */
  isNews?(index: string): boolean;
  /** Where it is larger than a number holds. */
  shownIndex?(): string;
  /** Nothing but the index stands in the headers. */
  saysIndexOnly?: boolean;
  /** KV and sessions do not say which consistency they had. */
  saysConsistency?: boolean;
  /** A change feed inside Consul answers instead of a blocking query (1.22.7, with an index): other headers, no jitter. */
  streams?: boolean;
}

/** Ends a request with a status and Consul's words. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export function isRead(answer: Reply | Read): answer is Read {
  return typeof (answer as Partial<Read>).index === 'function';
}
