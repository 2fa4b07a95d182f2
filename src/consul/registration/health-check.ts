import { type Check, callable, entriesOf, fields, flag, number, oneOf, refuse, text } from '../../checks.ts';

/** What Consul thinks of an instance, with a word why where there is one. */
export type Health = HealthStatus | { readonly status: HealthStatus; readonly output?: string };
export type HealthStatus = 'passing' | 'warning' | 'critical';

interface AnyCheck {
  /** Default: as Consul names it, `service:<id>`, with `:1`, `:2` … where there are several. */
  readonly id?: string;
  readonly name?: string;
  readonly notes?: string;
  /** Until Consul knows better. Default `'critical'`; for `ttl` what `status()` says. */
  readonly initial?: HealthStatus;
  /**
   * Milliseconds after which Consul takes a critical instance out of the catalogue, 60 000…2 592 000 000; it looks every 30 s. An instance
   * that lives is registered again by us. Default: never.
   */
  readonly deregisterCriticalServiceAfter?: number;
  /** Results in a row before the state changes. Consul's default: 0 each. */
  readonly successBeforePassing?: number;
  /** Consul 1.8 does not know it. */
  readonly failuresBeforeWarning?: number;
  readonly failuresBeforeCritical?: number;
}

interface ProbedCheck extends AnyCheck {
  /** Milliseconds between two probes, 1 000…86 400 000. Default 10 000. */
  readonly interval?: number;
  /** Milliseconds for one probe, 1…86 400 000. Consul's default: 10 000. */
  readonly timeout?: number;
  /** For probes over TLS, in place of the address, which no certificate names. Consul 1.8 does not know it. */
  readonly serverName?: string;
  /** Whether the certificate is checked. Default `true`. */
  readonly verify?: boolean;
}

interface WebCheck extends ProbedCheck {
  /** Default `'GET'`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** Default `true`; `false`: Consul 1.8 does not know it. */
  readonly followRedirects?: boolean;
}

/** 2xx passes, 429 warns, all else is critical. */
export interface HttpCheck extends WebCheck {
  /** A path, `'/health'`, at the registered address and port (`https` where the service is `secure`), or a whole URL. */
  readonly http: string;
}

export interface HttpsCheck extends WebCheck {
  /** The same over TLS, whatever the service is. */
  readonly https: string;
}

/** Passes where a connection can be made. */
export interface TcpCheck extends ProbedCheck {
  /** `true`: to the registered address and port; or `'host:port'`. */
  readonly tcp: true | string;
}

/** Asks the standard gRPC health service, over TLS where the service is `secure`. */
export interface GrpcCheck extends ProbedCheck {
  /** `true`: at the registered address and port; `'/package.Service'`: for one service there; or `'host:port/package.Service'`. */
  readonly grpc: true | string;
}

/** Passes as long as this process says so; the heartbeats are ours. */
export interface TtlCheck extends AnyCheck {
  /** Milliseconds without a heartbeat after which Consul takes it for critical, 1 000…86 400 000. One is sent every third of it. */
  readonly ttl: number;
  /**
   * Asked before each heartbeat. What throws is critical, and what does not return sends no heartbeat. Default `'passing'`.
   */
  readonly status?: () => Health | Promise<Health>;
}

export type HealthCheck = HttpCheck | HttpsCheck | TcpCheck | GrpcCheck | TtlCheck;

export const health: Check<HealthStatus> = oneOf('passing', 'warning', 'critical');
const duration = number(1, 86_400_000);
const times = number(0, 1_000, { whole: true });
const any = {
  id: text,
  name: text,
  notes: text,
  initial: health,
  deregisterCriticalServiceAfter: number(60_000, 2_592_000_000),
  successBeforePassing: times,
  failuresBeforeWarning: times,
  failuresBeforeCritical: times,
};
const probed = {
  ...any,
  interval: number(1_000, 86_400_000),
  timeout: duration,
  serverName: text,
  verify: flag,
};
const web = { ...probed, method: text, headers, body: text, followRedirects: flag };
const kinds = {
  http: fields({ ...web, http: pathOrUrl }),
  https: fields({ ...web, https: pathOrUrl }),
  tcp: fields({ ...probed, tcp: placeOr(/^(\[[^\]]+\]|[^:/]+):\d+$/, "true or 'host:port'") }),
  grpc: fields({
    ...probed,
    grpc: placeOr(
      /^((\[[^\]]+\]|[^:/]+):\d+(\/.*)?|\/.+)$/,
      "true, '/package.Service' or 'host:port/package.Service'",
    ),
  }),
  ttl: fields({
    ...any,
    ttl: number(1_000, 86_400_000),
    status: callable<NonNullable<TtlCheck['status']>>('a function that says how it is'),
  }),
};

/** @throws InvalidOptionError */
export const checkHealthCheck: Check<HealthCheck> = (value, path) => {
  const keys = entriesOf(value, path).map(([key]) => key);
  const said = (Object.keys(kinds) as (keyof typeof kinds)[]).filter((kind) => keys.includes(kind));
  const [kind] = said;
  if (kind === undefined || said.length > 1) {
    return refuse(path, `one of ${Object.keys(kinds).join(', ')} in it`, Object.fromEntries(keysOf(keys)));
  }
  return kinds[kind](value, path) as unknown as HealthCheck;
};

function keysOf(keys: readonly string[]): [string, string][] {
  return keys.map((key) => [key, '…']);
}

function pathOrUrl(value: unknown, path: string): string {
  const given = text(value, path);
  const fits = given.startsWith('/') || (/^https?:\/\//.test(given) && URL.canParse(given));
  return fits ? given : refuse(path, "a path like '/health' or a URL", value);
}

function placeOr(form: RegExp, expected: string): Check<true | string> {
  return (value, path) =>
    value === true || (typeof value === 'string' && form.test(value)) ? value : refuse(path, expected, value);
}

function headers(value: unknown, path: string): Record<string, string | readonly string[]> {
  return Object.fromEntries(
    entriesOf(value, path).map(([name, given]) => {
      const all: unknown[] = Array.isArray(given) ? given : [given];
      const fits = all.every((one) => typeof one === 'string' && !/[\r\n]/.test(one));
      return [name, fits ? (all as string[]) : refuse(`${path}.${name}`, 'a string or strings', given)];
    }),
  );
}
