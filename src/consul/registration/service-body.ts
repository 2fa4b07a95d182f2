import type { CompleteDefinition } from './definition.ts';
import type { HealthCheck, HealthStatus, TtlCheck } from './health-check.ts';

/** What could not be said by the user. */
export interface Found {
  readonly id: string;
  /** `undefined`: left to Consul. */
  readonly address: string | undefined;
  /** Where checks find the instance: its address, or that of the node where it is left to Consul. */
  readonly checkHost: string;
}

/** A TTL check of a registration and the id it has there. */
export interface Beating {
  readonly checkId: string;
  readonly check: TtlCheck;
}

/** The body of /v1/agent/service/register. Unknown fields are an error there, so what nobody said is left out. */
export function serviceBody(
  definition: CompleteDefinition,
  found: Found,
  /** What the TTL checks say at this moment, by check id. */
  now: ReadonlyMap<string, HealthStatus> = new Map(),
): Record<string, unknown> {
  const { name, port, tags, meta, weights, enableTagOverride, checks } = definition;
  const ids = checkIds(definition, found.id);
  return {
    ID: found.id,
    Name: name,
    Port: port,
    ...(found.address !== undefined && { Address: found.address }),
    Tags: tags,
    Meta: meta,
    Weights: { Passing: weights.passing, Warning: weights.warning },
    EnableTagOverride: enableTagOverride,
    ...(checks.length > 0 && {
      Checks: checks.map((check, i) => checkBody(check, ids[i]!, definition, found, now.get(ids[i]!))),
    }),
  };
}

export function beatingOf(definition: CompleteDefinition, id: string): readonly Beating[] {
  const ids = checkIds(definition, id);
  return definition.checks.flatMap((check, i) => ('ttl' in check ? [{ checkId: ids[i]!, check }] : []));
}

/** As Consul would name them, so that nobody has to know who made them. */
function checkIds({ checks }: CompleteDefinition, id: string): readonly string[] {
  return checks.map(
    (check, i) => check.id ?? (checks.length === 1 ? `service:${id}` : `service:${id}:${i + 1}`),
  );
}

function checkBody(
  check: HealthCheck,
  checkId: string,
  definition: CompleteDefinition,
  found: Found,
  now: HealthStatus | undefined,
): Record<string, unknown> {
  const status = check.initial ?? now;
  return {
    CheckID: checkId,
    Name: check.name ?? `${definition.name} ${kindOf(check)}`,
    ...(check.notes !== undefined && { Notes: check.notes }),
    ...(status !== undefined && { Status: status }),
    ...(check.deregisterCriticalServiceAfter !== undefined && {
      DeregisterCriticalServiceAfter: duration(check.deregisterCriticalServiceAfter),
    }),
    ...(check.successBeforePassing !== undefined && { SuccessBeforePassing: check.successBeforePassing }),
    ...(check.failuresBeforeWarning !== undefined && { FailuresBeforeWarning: check.failuresBeforeWarning }),
    ...(check.failuresBeforeCritical !== undefined && {
      FailuresBeforeCritical: check.failuresBeforeCritical,
    }),
    ...how(check, definition, found),
  };
}

function how(
  check: HealthCheck,
  { secure, port }: CompleteDefinition,
  found: Found,
): Record<string, unknown> {
  if ('ttl' in check) return { TTL: duration(check.ttl) };
  const { interval = 10_000, timeout, serverName, verify } = check;
  const probe = {
    Interval: duration(interval),
    ...(timeout !== undefined && { Timeout: duration(timeout) }),
    ...(serverName !== undefined && { TLSServerName: serverName }),
    ...(verify === false && { TLSSkipVerify: true }),
  };
  const place = `${found.checkHost.includes(':') ? `[${found.checkHost}]` : found.checkHost}:${port}`;
  if ('tcp' in check) return { TCP: check.tcp === true ? place : check.tcp, ...probe };
  if ('grpc' in check) {
    const { grpc } = check;
    const at = grpc === true ? place : grpc.startsWith('/') ? place + grpc : grpc;
    return { GRPC: at, GRPCUseTLS: secure, ...probe };
  }
  const given = 'https' in check ? check.https : check.http;
  const scheme = secure || 'https' in check ? 'https' : 'http';
  const { method, headers, body, followRedirects } = check;
  return {
    HTTP: given.startsWith('/') ? `${scheme}://${place}${given}` : given,
    ...(method !== undefined && { Method: method }),
    ...(headers !== undefined && { Header: headers }),
    ...(body !== undefined && { Body: body }),
    ...(followRedirects === false && { DisableRedirects: true }),
    ...probe,
  };
}

function kindOf(check: HealthCheck): string {
  if ('ttl' in check) return 'heartbeat';
  if ('tcp' in check) return 'TCP';
  if ('grpc' in check) return 'gRPC';
  return 'https' in check ? 'HTTPS' : 'HTTP';
}

/** As Go reads it. */
function duration(ms: number): string {
  return `${Math.round(ms)}ms`;
}
