import type { AgentOptions, ClientRequest } from 'node:http';
import type { AgentOptions as TlsAgentOptions } from 'node:https';
import { callable, entriesOf, fields, number, oneOf, text } from '../../checks.ts';
import { InvalidOptionError } from '../../errors.ts';
import { type HostOptions, hostChecks } from '../hosts.ts';

/** What the agents take beside the options of Node's. */
export interface BalancingOptions extends HostOptions {
  /**
   * The Host header of requests to a service: the name in the URL (default), or `host:port` of the endpoint. One that the caller sets
   * for a request stays.
   */
  readonly hostHeader?: 'service' | 'endpoint';
  /**
   * The TLS server name, which the certificate must be valid for: that of the Host header, which is the service's (`'service'`, default);
   * the host name under which the instance is registered, where it is one (`'target'`); or a name of your own. A `servername` of
   * the request goes before. Only for TLS.
   */
  readonly serverName?: 'service' | 'target' | (string & {});
  /** What a request belongs to, for strategies that stick. Called once for each request to a service. */
  readonly key?: (request: ClientRequest) => string | undefined;
  /**
   * Attempts to connect after the first, 0…100, each to another endpoint while there are others, and all taken from the retry budget of
   * the service. Default 1. Once a connection is made nothing is repeated: the body cannot be sent again from here.
   */
  readonly retries?: number;
  /** Milliseconds for one attempt to connect, the TLS handshake included, 1…2³¹-1. Default 2 000. */
  readonly connectTimeout?: number;
}

/** Where to connect is for the discovery to say; `port` has a meaning of its own here. */
type Elsewhere = 'port' | 'host' | 'socketPath' | 'proxyEnv';

/** Options of Node's `http.Agent`, with `keepAlive` on by default, and our own. `maxSockets` counts for each endpoint. */
export interface HttpAgentOptions extends Omit<AgentOptions, Elsewhere>, BalancingOptions {}

/** Options of Node's `https.Agent`, with `keepAlive` on by default, and our own. `maxSockets` counts for each endpoint. */
export interface HttpsAgentOptions
  extends Omit<TlsAgentOptions, Elsewhere | 'key'>,
    Omit<BalancingOptions, 'key'> {
  /**
   * A function says what a request belongs to, for strategies that stick; anything else is the private key of a client certificate, as
   * in Node. Where both are needed, give the certificate as `secureContext: tls.createSecureContext({ key, cert, ca })`.
   */
  readonly key?: BalancingOptions['key'] | TlsAgentOptions['key'];
}

/** @internal Completed. */
export interface Balanced extends HostOptions {
  readonly hostHeader: 'service' | 'endpoint';
  readonly serverName: string;
  readonly key: ((request: ClientRequest) => string | undefined) | undefined;
  readonly retries: number;
  readonly connectTimeout: number;
}

const checks = {
  ...hostChecks,
  hostHeader: oneOf('service', 'endpoint'),
  serverName: text,
  key: callable<(request: ClientRequest) => string | undefined>('a function (request) => key'),
  retries: number(0, 100, { whole: true }),
  connectTimeout: number(1, 2 ** 31 - 1, { whole: true }),
};

const checkOwn = fields(checks);

/** By name, so that a slip of the pen is not taken for an option of Node's; what Node checks is left to it. */
const nodes = new Set(
  `agentKeepAliveTimeoutBuffer defaultPort keepAlive keepAliveMsecs maxFreeSockets maxSockets maxTotalSockets protocol scheduling timeout
  allowHalfOpen autoSelectFamily autoSelectFamilyAttemptTimeout blockList family highWaterMark hints keepAliveInitialDelay localAddress
  localPort lookup noDelay onread signal typeOfService
  allowPartialTrustChain ALPNProtocols ca cert checkServerIdentity ciphers clientCertEngine crl dhparam ecdhCurve enableTrace
  honorCipherOrder key maxCachedSessions maxVersion minDHSize minVersion passphrase pfx privateKeyEngine privateKeyIdentifier pskCallback
  rejectUnauthorized requestOCSP secureContext secureOptions secureProtocol servername session sessionIdContext sessionTimeout sigalgs
  ticketKeys`.split(/\s+/),
);

const elsewhere: Readonly<Record<string, string>> = {
  host: 'where to connect is for the discovery to say',
  socketPath: 'where to connect is for the discovery to say',
  proxyEnv: 'instances are reached directly; use another agent for what lies behind a proxy',
};

/**
 * Ours apart from Node's.
 *
 * @throws InvalidOptionError
 */
export function split(
  options: unknown,
  path: string,
): { balanced: Balanced; node: AgentOptions & TlsAgentOptions } {
  const own: Record<string, unknown> = {};
  const node: Record<string, unknown> = { keepAlive: true };
  for (const [name, value] of entriesOf(options, path)) {
    if (Object.hasOwn(elsewhere, name)) throw new InvalidOptionError(`${path}.${name}: ${elsewhere[name]}.`);
    // A private key is a `key` as well.
    const ours = Object.hasOwn(checks, name) && !(name === 'key' && typeof value !== 'function');
    if (!ours && nodes.has(name)) node[name] = value;
    else own[name] = value;
  }
  return {
    balanced: {
      hostHeader: 'service',
      serverName: 'service',
      key: undefined,
      retries: 1,
      connectTimeout: 2_000,
      ...checkOwn(own, path),
    },
    node,
  };
}
