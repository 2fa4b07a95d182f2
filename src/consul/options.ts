/**
 * Where Consul's HTTP API is and how to speak to it: options, completed by the environment variables that Consul's own command line
 * reads (CONSUL_HTTP_ADDR and its kin).
 */
import { readFileSync } from 'node:fs';
import { fields, flag, number, oneOf, refuse, text } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';

export interface ConsulTlsOptions {
  /** Certificates of authorities to trust, PEM. Default: those of Node. */
  readonly ca?: string | readonly string[];
  /** The same from a file. Default CONSUL_CACERT. */
  readonly caFile?: string;
  /** Client certificate and key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** The same from files. Default CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The name to ask for and to check. Default CONSUL_TLS_SERVER_NAME, else the host. */
  readonly serverName?: string;
  /** Default `true`; CONSUL_HTTP_SSL_VERIFY=false says otherwise. */
  readonly verify?: boolean;
}

export interface ConsulOptions {
  /**
   * `'127.0.0.1:8500'`, `'http://…'`, `'https://consul.example:8501'` or `'unix:///run/consul.sock'`. Default CONSUL_HTTP_ADDR, else
   * `'127.0.0.1:8500'`.
   */
  readonly address?: string;
  /** In place of `address`: the host of both halves, and their ports (8500 and 8600). */
  readonly host?: string;
  readonly httpPort?: number;
  readonly dnsPort?: number;
  /** `https`, where the address does not say. Default CONSUL_HTTP_SSL. */
  readonly secure?: boolean;
  /** ACL token. Default CONSUL_HTTP_TOKEN. Shown nowhere: not in errors, not by `console.log`. */
  readonly token?: string;
  /** A file with the token, read again when it changes. Default CONSUL_HTTP_TOKEN_FILE. `token` comes first. */
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

/** Where requests go. */
export interface ConsulTarget {
  readonly secure: boolean;
  /** Without brackets; of a socket in the file system the host that the `Host` header names. */
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
}

/** Complete. */
export interface ConsulSettings {
  readonly target: ConsulTarget;
  /** `host:port` of the DNS side, where something was said of it. */
  readonly dnsAddress: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly auth: string | undefined;
  readonly datacenter: string | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
  readonly consistency: 'default' | 'stale' | 'consistent';
  readonly timeout: number;
  readonly retries: number;
  readonly tls: ConsulTlsOptions;
}

const port = number(1, 65_535, { whole: true });

const checkOptions = fields({
  address: text,
  host: text,
  httpPort: port,
  dnsPort: port,
  secure: flag,
  token: secret,
  tokenFile: text,
  auth: secret,
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
    cert: text,
    key: secret,
    certFile: text,
    keyFile: text,
    serverName: text,
    verify: flag,
  }),
});

/** @throws InvalidOptionError */
export function completeConsul(given: unknown = {}, env: NodeJS.ProcessEnv = process.env): ConsulSettings {
  const options = checkOptions(given, 'createConsul') as ConsulOptions;
  if (options.address !== undefined && (options.host !== undefined || options.httpPort !== undefined)) {
    throw new InvalidOptionError(
      'createConsul: `address` and `host` with `httpPort` both say where Consul is; give one of them.',
    );
  }
  const said = (name: string): string | undefined => env[name] || undefined;
  const secure = options.secure ?? truth(said('CONSUL_HTTP_SSL'), 'CONSUL_HTTP_SSL') ?? false;
  const target = targetOf(options, said('CONSUL_HTTP_ADDR'), secure);
  const { host, dnsPort } = options;
  return {
    target,
    dnsAddress:
      host === undefined && dnsPort === undefined ? undefined : address(host ?? target.host, dnsPort ?? 8600),
    token: options.token ?? (options.tokenFile === undefined ? said('CONSUL_HTTP_TOKEN') : undefined),
    tokenFile: options.tokenFile ?? said('CONSUL_HTTP_TOKEN_FILE'),
    auth: options.auth ?? said('CONSUL_HTTP_AUTH'),
    datacenter: options.datacenter,
    namespace: options.namespace ?? said('CONSUL_NAMESPACE'),
    partition: options.partition ?? said('CONSUL_PARTITION'),
    consistency: options.consistency ?? 'stale',
    timeout: options.timeout ?? 10_000,
    retries: options.retries ?? 2,
    tls: tlsOf(options.tls ?? {}, said),
  };
}

function targetOf(
  { address: given, host, httpPort }: ConsulOptions,
  fromEnv: string | undefined,
  secure: boolean,
): ConsulTarget {
  if (host !== undefined || httpPort !== undefined)
    return { secure, host: host ?? '127.0.0.1', port: httpPort ?? (secure ? 8501 : 8500) };
  const path = given === undefined ? 'CONSUL_HTTP_ADDR' : 'createConsul.address';
  const text = given ?? fromEnv ?? '127.0.0.1:8500';
  const socket = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (socket !== undefined) return { secure: false, host: 'localhost', port: 80, socketPath: socket };
  const url = URL.canParse(withScheme(text, secure)) ? new URL(withScheme(text, secure)) : undefined;
  const fits =
    url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '' && url.username === '';
  if (!fits) {
    return refuse(
      path,
      "an address like '127.0.0.1:8500', 'https://consul.example:8501' or 'unix:///run/consul.sock'",
      text,
    );
  }
  const isSecure = url.protocol === 'https:';
  const usual = /^\w+:\/\//.test(text) ? (isSecure ? 443 : 80) : 8500;
  return {
    secure: isSecure,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (portSaid(text) ?? usual) : Number(url.port),
  };
}

/** A URL leaves the port of its scheme out. */
function portSaid(text: string): number | undefined {
  const said = /:(\d+)\/?$/.exec(text)?.[1];
  return said === undefined ? undefined : Number(said);
}

function withScheme(text: string, secure: boolean): string {
  return /^\w+:\/\//.test(text) ? text : `${secure ? 'https' : 'http'}://${text}`;
}

function address(host: string, dnsPort: number): string {
  return host.includes(':') ? `[${host}]:${dnsPort}` : `${host}:${dnsPort}`;
}

function tlsOf(given: ConsulTlsOptions, said: (name: string) => string | undefined): ConsulTlsOptions {
  const caFile = given.caFile ?? (given.ca === undefined ? said('CONSUL_CACERT') : undefined);
  const certFile = given.certFile ?? (given.cert === undefined ? said('CONSUL_CLIENT_CERT') : undefined);
  const keyFile = given.keyFile ?? (given.key === undefined ? said('CONSUL_CLIENT_KEY') : undefined);
  const serverName = given.serverName ?? said('CONSUL_TLS_SERVER_NAME');
  const ca = given.ca ?? contents(caFile, 'CA certificate');
  const cert = given.cert ?? contents(certFile, 'client certificate');
  const key = given.key ?? contents(keyFile, 'client key');
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }),
    verify: given.verify ?? truth(said('CONSUL_HTTP_SSL_VERIFY'), 'CONSUL_HTTP_SSL_VERIFY') ?? true,
  };
}

function contents(file: string | undefined, what: string): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new InvalidOptionError(`createConsul: cannot read the ${what}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** As Go's strconv.ParseBool, which Consul's command line uses. */
function truth(text: string | undefined, path: string): boolean | undefined {
  if (text === undefined) return undefined;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return refuse(path, 'true or false', text);
}

/** Like `text`, but a bad one is not shown. */
function secret(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidOptionError(`${path}: expected a non-empty string.`);
}
