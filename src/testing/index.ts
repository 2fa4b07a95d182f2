/** `consul-dns-balancer/testing`: what users need to test programs that discover, and plug-ins of their own. */
export { balancerContract } from './balancer-contract.ts';
export type {
  NodeDefinition,
  QueryDefinition,
  RegisteredService,
  ServiceDefinition,
  Status,
  Weights,
} from './catalogue.ts';
export { type ConsulDouble, type ConsulDoubleOptions, createConsulDouble } from './consul-double.ts';
export { createFakeClock, type FakeClock } from './fake-clock.ts';
export type { DnsFaults, DoubleQuery, Intercept } from './faults.ts';
export { type ContractInstance, type ResolverWorld, resolverContract } from './resolver-contract.ts';
export type { Expectation, TestRunner } from './runner.ts';
