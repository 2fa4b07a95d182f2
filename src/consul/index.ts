/** `consul-dns-balancer/consul`: Consul's HTTP API. */
export type { Instances, InstancesOptions, LocalService, ServicesOptions } from './catalog.ts';
export { type Consul, consulHttp, createConsul } from './consul.ts';
export type { ConsulResponse, QueryValue, RequestOptions } from './http.ts';
export type { ConsulHttpOptions } from './http-resolver.ts';
export type { CheckDefinition, CheckStatus, Instance, InstanceCheck } from './instance.ts';
export type { Kv, KvDeleteOptions, KvEntry, KvPutOptions, KvReadOptions } from './kv.ts';
export type { LiveConfig, LiveConfigOptions } from './live-config.ts';
export type { Lock, LockOptions } from './lock.ts';
export type { ConsulOptions, ConsulTlsOptions } from './options.ts';
