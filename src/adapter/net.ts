/** Connections to services that speak something else than HTTP: databases, caches, brokers. */
export { connect } from './net/connect.ts';
export type { ConnectOptions, SocketOptions } from './net/options.ts';
export { type RedisConnector, redisConnector } from './net/redis-connector.ts';
export { socketFor } from './net/service-socket.ts';
