/** Versions of Consul the double can be. Each was measured: the captures in test/fixtures are theirs. */
export type ConsulVersion = '1.8.7' | '1.19.0' | '1.22.7';

/** In what the versions differ, as far as a DNS client can see it. */
export interface Dialect {
  /** Pairs like `.dc1.dc` and `.name.peer`, `.virtual`, `_name._tcp.query` (1.11 to 1.15). */
  readonly newNames: boolean;
  /** Several ports per service, and `.port` names (1.22). */
  readonly namedPorts: boolean;
  /** Names made for a reply end as the question does: with the other domain, in its letter case (F1.16, F12.9). */
  readonly followsQuestion: boolean;
  /** The OPT record is there before the trim: it counts, and it goes with every trim (F12.6). */
  readonly optTrimmed: boolean;
  /** Every reply goes through the trimmer, not only those about services (F4.6). */
  readonly trimsEverything: boolean;
  /** Names of its own that lead to further names are looked up as over plain UDP, with its limit of answers. */
  readonly trimsInside: boolean;
  /** Bytes that a UDP reply leaves free. */
  readonly udpMargin: number;
  /** No UDP reply is larger, whatever the client offers (F4.5). */
  readonly largestDatagram: number;
  /** A query without a leader asks again after ever longer pauses, not after even ones (F12.13). */
  readonly growingPauses: boolean;
  /**
   * The rewritten DNS server that 1.19.0 and 1.19.1 had by default, and no other version.
   *
   * An instance at its node's address has the target `<service>.service.<dc>.consul`, the same for all of them; the tag of
   * `tag.name.service` is ignored; the question comes back in lower case; the order of `Near` is lost.
   */
  readonly v2dns: boolean;
}

const OLDEST: Dialect = {
  newNames: false,
  namedPorts: false,
  followsQuestion: false,
  optTrimmed: false,
  trimsEverything: false,
  trimsInside: true,
  udpMargin: 7,
  largestDatagram: Number.POSITIVE_INFINITY,
  growingPauses: false,
  v2dns: false,
};
const V2DNS: Dialect = {
  newNames: true,
  namedPorts: false,
  followsQuestion: true,
  optTrimmed: false,
  trimsEverything: true,
  trimsInside: true,
  udpMargin: 8,
  largestDatagram: 65_467,
  growingPauses: true,
  v2dns: true,
};
const NEWEST: Dialect = { ...V2DNS, namedPorts: true, optTrimmed: true, trimsInside: false, v2dns: false };

const DIALECTS: Record<ConsulVersion, Dialect> = { '1.8.7': OLDEST, '1.19.0': V2DNS, '1.22.7': NEWEST };

/** Throws for a version that was never measured. */
export function dialectOf(version: ConsulVersion): Dialect {
  const dialect: Dialect | undefined = DIALECTS[version];
  if (dialect !== undefined) return dialect;
  throw new Error(`no Consul ${version} was measured: version is one of ${Object.keys(DIALECTS).join(', ')}`);
}

export function isMeasured(version: string): version is ConsulVersion {
  return Object.hasOwn(DIALECTS, version);
}

/** What an agent of this version says about its node without being told to (F12.1). */
export function agentMetadata(version: ConsulVersion): Record<string, string> {
  const segment = { 'consul-network-segment': '' };
  return version === '1.8.7' ? segment : { ...segment, 'consul-version': version };
}

/** What its servers say of themselves in the service `consul`, as HTTP shows it. */
export function serverMetadata(version: ConsulVersion): Record<string, string> {
  return {
    non_voter: 'false',
    raft_version: '3',
    ...(version === '1.8.7' ? {} : { read_replica: 'false' }),
    serf_protocol_current: '2',
    serf_protocol_max: '5',
    serf_protocol_min: '1',
    version,
  };
}
