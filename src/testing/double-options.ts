import type { Clock } from '../clock.ts';
import type { RecursorZone } from './recursor.ts';
import type { ConsulVersion } from './versions.ts';

export interface ConsulDoubleOptions {
  /** Which Consul to be: the oldest or the newest this was measured on, or '1.19.0' with its DNS server of its own; default '1.22.7'. */
  version?: ConsulVersion;
  /** UDP and TCP; default 0, a free one. */
  port?: number;
  /** Of the HTTP API; default 0, a free one. */
  httpPort?: number;
  /**
   * With it, access control is on: requests over HTTP need this token, those without one may do nothing, and any other token is
   * unknown. Default: whoever asks may do everything.
   */
  token?: string;
  /** Default '127.0.0.1'. */
  host?: string;
  /** Default 'dc1'. */
  datacenter?: string;
  /** Default 'consul'. */
  domain?: string;
  /** A second domain, answered like the first; default none. */
  altDomain?: string;
  /** Name of the own node, whose address is 127.0.0.1; default 'double'. Its length counts in every reply's size. */
  node?: string;
  /** Metadata of nodes that are given none of their own; default: what an agent of this version publishes. */
  nodeMeta?: Record<string, string>;
  /**
   * ms, sent in whole seconds; default 0. By service where it is an object: `db`, prefixes like `db-*`, and `*`;
   * the exact name wins, then the longest prefix (F2.12).
   */
  serviceTtl?: number | Record<string, number>;
  /** Of records about nodes, `addr` names and servers: ms, sent in whole seconds; default 0. */
  nodeTtl?: number;
  /** Of negative answers: ms, sent in whole seconds; default 0. */
  soaMinTtl?: number;
  /** Whether a reply that lost answers says so (TC); default false, as in Consul. */
  enableTruncate?: boolean;
  /** Answers over plain UDP, 1…8; default 3. */
  udpAnswerLimit?: number;
  /** Answers to A, AAAA and ANY; default 0, any number. */
  aRecordLimit?: number;
  /** Whether SRV replies carry the nodes' metadata; default true. */
  metaTxt?: boolean;
  /** Whether warning instances are left out; default false. */
  onlyPassing?: boolean;
  /** Whether instances of other datacenters are given with their `wan` addresses; default false. */
  translateWan?: boolean;
  /** Whether names are written in full, which makes fewer answers fit (F4.11); default false. */
  disableCompression?: boolean;
  /** What Consul's recursors know of names outside its domain; default: it has none. */
  recursor?: RecursorZone;
  /** Makes the order of answers, ids and the jitter of blocking queries repeatable; default: from the system's randomness. */
  seed?: number;
  /** Time of delays, elections, TCP deadlines, checks, sessions and blocking queries; default: the real one. */
  clock?: Clock;
}
