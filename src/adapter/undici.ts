/** `consul-dns-balancer/undici`: fetch and undici straight to the endpoints of a service. */

export type { FailedRequest, RequestRetryOn, RetryOptions } from './retry-options.ts';
export { createDispatcher } from './undici/dispatcher.ts';
export { createFetch } from './undici/fetch.ts';
export { interceptor } from './undici/interceptor.ts';
export type { DispatcherOptions, KeyedRequest, RequestOptions } from './undici/options.ts';
