/** `consul-dns-balancer/testing`: what users need to test programs that discover, and plug-ins of their own. */
export { type BalancerContractOptions, balancerContract } from './balancer-contract.ts';
export { type ConsulDouble, type ConsulDoubleOptions, createConsulDouble } from './consul-double.ts';
export type {
  AddressTag,
  NamedPort,
  NodeDefinition,
  QueryDefinition,
  RegisteredService,
  ServiceDefinition,
  Status,
  Weights,
} from './definitions.ts';
export { registryOf } from './double-registry.ts';
export { createFakeClock, type FakeClock } from './fake-clock.ts';
export type { DnsFaults, DoubleQuery, Intercept, Intercepted } from './faults.ts';
export type { HttpFaults, HttpRequest } from './http/http-faults.ts';
export type { RecursorFailure, RecursorRecord, RecursorZone } from './recursor.ts';
export { type RegistryWorld, registryContract } from './registry-contract.ts';
export { type ContractInstance, type ResolverWorld, resolverContract } from './resolver-contract.ts';
export type { Expectation, TestRunner } from './runner.ts';
export type { ConsulVersion } from './versions.ts';
export type { Acl } from './world.ts';
