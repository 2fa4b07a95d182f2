/** The public surface: everything a program imports from `consul-dns-balancer`. */
export type {
  OutlierOptions,
  PanicOptions,
  PrioritiesOptions,
  SlowStartOptions,
} from './availability/availability.ts';
export type {
  Balancer,
  BalancerContext,
  BalancerDescription,
  BalancerFactory,
  BalancerOption,
  Excluded,
  Outcome,
} from './balancer/balancer.ts';
export { type ConsistentHashOptions, consistentHash } from './balancer/consistent-hash.ts';
export { type FastestOptions, fastest } from './balancer/fastest.ts';
export { first } from './balancer/first.ts';
export type { KeyHash } from './balancer/key-hash.ts';
export { leastInFlight } from './balancer/least-in-flight.ts';
export { leastUsed } from './balancer/least-used.ts';
export { type PeakEwmaOptions, peakEwma } from './balancer/peak-ewma.ts';
export { powerOfTwoChoices } from './balancer/power-of-two-choices.ts';
export { random } from './balancer/random.ts';
export { roundRobin } from './balancer/round-robin.ts';
export { weightedRandom } from './balancer/weighted-random.ts';
export { weightedRoundRobin } from './balancer/weighted-round-robin.ts';
export type { Clock, TimerHandle } from './clock.ts';
export type { CoarseClock } from './coarse-clock.ts';
export { type ConsulDnsOptions, consulDns } from './consul-dns.ts';
export type { DiscoveryWarning, WarningCode } from './diagnostics.ts';
export { createDiscovery, type Discovery, type DiscoveryStats } from './discovery.ts';
export type {
  AddressByName,
  IngressByName,
  MeshByName,
  NodeByName,
  QueryByName,
  ServiceByName,
  ServiceName,
  VirtualByName,
} from './dns/name.ts';
export type { DnsCounters } from './dns/pending.ts';
export type { Endpoint, ResponseTime } from './endpoint.ts';
export {
  type Attempt,
  ClosedError,
  ConsulError,
  DiscoveryError,
  type DnsAttempt,
  DnsError,
  type ErrorCode,
  InvalidNameError,
  InvalidOptionError,
  NoEndpointsError,
  OverloadedError,
  PeerError,
  RequestTimeoutError,
  RetriesExhaustedError,
  ServiceNotFoundError,
} from './errors.ts';
export type {
  HttpProbeOptions,
  Probe,
  ProbeOption,
  Prober,
  ProberOptions,
  ProbeTarget,
} from './health/probe.ts';
export type { Lease } from './lease.ts';
export type { DiscoveryOptions, ServiceOptions } from './options.ts';
export type { Random } from './random.ts';
export { type CachedOptions, cached } from './resolver/cached.ts';
export { type FailoverOptions, failover } from './resolver/failover.ts';
export { filter } from './resolver/filter.ts';
export { fixed } from './resolver/fixed.ts';
export { type MergeOptions, merge } from './resolver/merge.ts';
export type { CombinedResolver } from './resolver/parts.ts';
export { type NameChange, renamed } from './resolver/renamed.ts';
export type { Address, Origin, Resolution, ResolveOptions, Resolver } from './resolver/resolver.ts';
export { type SplitOptions, split } from './resolver/split.ts';
export { type SubsetOptions, subset } from './resolver/subset.ts';
export type { TargetCounters } from './resolver/targets.ts';
export type { RetryBudgetOptions } from './retry-budget.ts';
export type { AttemptContext, RetryOn, RunOptions } from './run.ts';
export type { AcquireOptions, Service } from './service.ts';
export type { Listener, ServiceSnapshot, ServiceStats } from './service-view.ts';
export type { Change, Snapshot } from './snapshot.ts';
