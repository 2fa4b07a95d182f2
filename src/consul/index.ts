/** `consul-dns-balancer/consul`: Consul's HTTP API. */
export type { Instances, InstancesOptions, ListedService, ServicesOptions } from './catalog.ts';
export { type Consul, consulHttp, createConsul } from './consul.ts';
export type { ConsulResponse, QueryValue, RequestOptions } from './http.ts';
export type { ConsulHttpOptions } from './http-resolver.ts';
export type { CheckDefinition, CheckStatus, Instance, InstanceCheck, NamedPort } from './instance.ts';
export type {
  Kv,
  KvDeleteOptions,
  KvEntry,
  KvKeysOptions,
  KvPutOptions,
  KvReadOptions,
  KvWatchOptions,
} from './kv.ts';
export type { Leadership } from './leader.ts';
export type { LiveConfig, LiveConfigOptions } from './live-config.ts';
export type { LocalService, LocalServicesOptions } from './local-services.ts';
export type { Lock, LockOptions } from './lock.ts';
export type { ConsulOptions, ConsulTlsOptions } from './options.ts';
export type { RegistrationDefinition } from './registration/definition.ts';
export { freePort } from './registration/free-port.ts';
export type {
  GrpcCheck,
  Health,
  HealthCheck,
  HealthStatus,
  HttpCheck,
  HttpsCheck,
  TcpCheck,
  TtlCheck,
} from './registration/health-check.ts';
export type { RegistrationWarning, RegistrationWarningCode } from './registration/notices.ts';
export type { RegisterOptions, ShutdownOptions } from './registration/register-options.ts';
export type {
  DrainOptions,
  LeaveOptions,
  Registration,
  RegistrationState,
} from './registration/registration.ts';
export type { Registered, Registry, RegistryEntry, RegistryInstance } from './registration/registry.ts';
