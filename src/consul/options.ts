/**
 * Where Consul's HTTP API is and how to speak to it: options, completed by the environment variables that Consul's own command line
 * reads (CONSUL_HTTP_ADDR and its kin).
 */
import { type Check, fields, flag, number, oneOf, refuse, text } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';
import { type ConsulTarget, targetOf } from './target.ts';
import { type ConsulTlsOptions, completeTls, type TlsSettings } from './tls-options.ts';
import { isSendable } from './token.ts';

export type { ConsulTarget } from './target.ts';
export type { ConsulTlsOptions } from './tls-options.ts';

export interface ConsulOptions {
  /**
   * `'127.0.0.1:8500'`, `'http://…'`, `'https://consul.example:8501'`, `'https://proxy.example/consul'` or `'unix:///run/consul.sock'`.
   * Default CONSUL_HTTP_ADDR, else `'127.0.0.1:8500'`.
   */
  readonly address?: string;
  /** In place of `address`: the host of both halves (127.0.0.1), and their ports (8500, with `secure` 8501; 8600). */
  readonly host?: string;
  readonly httpPort?: number;
  readonly dnsPort?: number;
  /** `https`, where the address does not say. Default CONSUL_HTTP_SSL. */
  readonly secure?: boolean;
  /** ACL token. Default CONSUL_HTTP_TOKEN. Shown nowhere: not in errors, not by `console.log`. */
  readonly token?: string;
  /** A file with the token, read again when it changes. Default CONSUL_HTTP_TOKEN_FILE, which comes before CONSUL_HTTP_TOKEN. */
  readonly tokenFile?: string;
  /** HTTP basic authentication, `'user:password'`, for a proxy in between. Default CONSUL_HTTP_AUTH. */
  readonly auth?: string;
  /** For all requests that do not say another. Default: that of the agent. */
  readonly datacenter?: string;
  /** Consul Enterprise. Default CONSUL_NAMESPACE, CONSUL_PARTITION. */
  readonly namespace?: string;
  readonly partition?: string;
  /** `'stale'` (default): any server answers, also without a leader, as by DNS. */
  readonly consistency?: 'default' | 'stale' | 'consistent';
  /** Milliseconds for one request, 1…600 000; a blocking query has its wait on top. Default 10 000. */
  readonly timeout?: number;
  /** Tries after the first, for requests that are safe to repeat and nobody answered, 0…10. Default 2. */
  readonly retries?: number;
  readonly tls?: ConsulTlsOptions;
}

/** Complete. Holds the token: for ConsulHttp alone. */
export interface ConsulSettings {
  readonly target: ConsulTarget;
  /** `host:port` of the DNS side, where something was said of it. */
  readonly dnsAddress: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  /** `user:password` */
  readonly auth: string | undefined;
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly consistency: 'default' | 'stale' | 'consistent';
  readonly timeout: number;
  readonly retries: number;
  readonly tls: TlsSettings;
}

/** Like `text`, but a bad one is not shown. */
function secret(fits: (value: string) => boolean, expected: string): Check<string> {
  return (value, path) => {
    if (typeof value === 'string' && value !== '' && fits(value)) return value;
    throw new InvalidOptionError(`${path}: expected ${expected}.`);
  };
}

const token = secret(isSendable, 'one word of printable ASCII');
const auth = secret((value) => !/\p{Cc}/u.test(value), "'user:password' without control characters");
const port = number(1, 65_535, { whole: true });

const checkOptions = fields({
  address: text,
  host: text,
  httpPort: port,
  dnsPort: port,
  secure: flag,
  token,
  tokenFile: text,
  auth,
  datacenter: text,
  namespace: text,
  partition: text,
  consistency: oneOf('default', 'stale', 'consistent'),
  timeout: number(1, 600_000),
  retries: number(0, 10, { whole: true }),
  tls: fields({
    ca: (value, path) =>
      Array.isArray(value) ? value.map((one, i) => text(one, `${path}[${i}]`)) : text(value, path),
    caFile: text,
    caPath: text,
    cert: text,
    key: secret(() => true, 'a key in PEM'),
    certFile: text,
    keyFile: text,
    serverName: text,
    verify: flag,
  }),
});

/** @throws InvalidOptionError; none shows a secret. */
export function completeConsul(given: unknown = {}, env: NodeJS.ProcessEnv = process.env): ConsulSettings {
  const options = checkOptions(given, 'createConsul') as ConsulOptions;
  const said = (name: string): string | undefined => env[name] || undefined;
  const target = targetOf(options, {
    address: said('CONSUL_HTTP_ADDR'),
    secure: truth(said('CONSUL_HTTP_SSL'), 'CONSUL_HTTP_SSL') ?? false,
  });
  const { tls = {}, host, dnsPort } = options;
  if (!target.secure && Object.keys(tls).some((name) => name !== 'verify')) {
    throw new InvalidOptionError(
      'createConsul: `tls` is for https; say so by the scheme of `address` or by `secure`.',
    );
  }
  const verify = truth(said('CONSUL_HTTP_SSL_VERIFY'), 'CONSUL_HTTP_SSL_VERIFY');
  return {
    target,
    dnsAddress: host === undefined && dnsPort === undefined ? undefined : dnsOf(target, dnsPort ?? 8_600),
    ...tokenOf(options, said),
    auth: withColon(options.auth ?? fromEnv(auth, said, 'CONSUL_HTTP_AUTH')),
    datacenter: options.datacenter,
    namespace: options.namespace ?? said('CONSUL_NAMESPACE'),
    partition: options.partition ?? said('CONSUL_PARTITION'),
    consistency: options.consistency ?? 'stale',
    timeout: options.timeout ?? 10_000,
    retries: options.retries ?? 2,
    // Not even read where they are of no use: the environment may be that of another program.
    tls: completeTls(tls, target.secure ? said : () => undefined, verify),
  };
}

/** Options before the environment; in each of them the file first. */
function tokenOf(
  options: ConsulOptions,
  said: (name: string) => string | undefined,
): { token: string | undefined; tokenFile: string | undefined } {
  if (options.token !== undefined || options.tokenFile !== undefined) {
    if (options.token !== undefined && options.tokenFile !== undefined)
      throw new InvalidOptionError('createConsul: give `token` or `tokenFile`, not both.');
    return { token: options.token, tokenFile: options.tokenFile };
  }
  return {
    token: fromEnv(token, said, 'CONSUL_HTTP_TOKEN'),
    tokenFile: said('CONSUL_HTTP_TOKEN_FILE'),
  };
}

function fromEnv(
  check: Check<string>,
  said: (name: string) => string | undefined,
  name: string,
): string | undefined {
  const value = said(name);
  return value === undefined ? undefined : check(value, name);
}

/** A user alone has an empty password. */
function withColon(auth: string | undefined): string | undefined {
  return auth === undefined || auth.includes(':') ? auth : `${auth}:`;
}

function dnsOf({ host, socketPath }: ConsulTarget, dnsPort: number): string {
  const name = socketPath === undefined ? host : '127.0.0.1';
  return name.includes(':') ? `[${name}]:${dnsPort}` : `${name}:${dnsPort}`;
}

/** As Go's strconv.ParseBool, which Consul's command line uses; that takes nonsense for `false`, which here is an error. */
function truth(value: string | undefined, path: string): boolean | undefined {
  if (value === undefined) return undefined;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  return refuse(path, 'true or false', value);
}
