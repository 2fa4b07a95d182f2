/** `consul-dns-balancer/consul`: Consul's HTTP API. */
export { type Consul, createConsul } from './consul.ts';
export type { ConsulResponse, QueryValue, RequestOptions } from './http.ts';
export type { ConsulOptions, ConsulTlsOptions } from './options.ts';
