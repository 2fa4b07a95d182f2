/** What makes requests in a closed loop: one of the contestants, opened in the process that is measured. */
export interface Client {
  /** One GET; resolves to the whole body, read as text. Rejects for another status than 200. */
  request(): Promise<string>;
  close(): Promise<unknown>;
}

/** Where the servers are, for all contestants alike. */
export interface Place {
  /** Of the backends, like `http://127.0.0.1:8001`: for those that are given a static list. */
  readonly origins: readonly string[];
  /** Of the DNS server in which the same backends are registered as `web`. */
  readonly dnsPort: number;
  /** Of the proxy in front of them, where there is one. */
  readonly proxy?: string;
}

export const serviceHost = 'web.service.consul';
export const path = '/users/1';

/** Longer than a run: nobody's connections are closed while another contestant has its turn. */
export const keepAlive = { keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000 };

/** The cursor that a static list needs. */
export function cursorOver<Item>(items: readonly Item[]): () => Item {
  let next = 0;
  return () => {
    const item = items[next]!;
    next = next + 1 === items.length ? 0 : next + 1;
    return item;
  };
}

export function wrongStatus(status: number | undefined): Error {
  return new Error(`the backend answered ${status} instead of 200`);
}
