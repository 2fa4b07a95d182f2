import type { Status } from '../definitions.ts';
import { spelled } from './durations.ts';
import type { Fields } from './json-body.ts';
import { Refusal } from './reply.ts';

/** A check as it is registered with the agent; durations in ms. */
export interface CheckDefinition {
  CheckID?: string;
  ID?: string;
  Name?: string;
  Notes?: string;
  Status?: string;
  ServiceID?: string;
  TTL?: number;
  HTTP?: string;
  Method?: string;
  Header?: Record<string, string[]>;
  Body?: string;
  TLSSkipVerify?: boolean;
  TLSServerName?: string;
  DisableRedirects?: boolean;
  TCP?: string;
  GRPC?: string;
  GRPCUseTLS?: boolean;
  Interval?: number;
  Timeout?: number;
  DeregisterCriticalServiceAfter?: number;
  SuccessBeforePassing?: number;
  FailuresBeforeWarning?: number;
  FailuresBeforeCritical?: number;
  [other: string]: unknown;
}

const COMMON: Fields = {
  CheckID: 'string',
  ID: 'string',
  Name: 'string',
  Notes: 'string',
  Status: 'string',
  ServiceID: 'string',
  TTL: 'duration',
  HTTP: 'string',
  Method: 'string',
  Header: 'lists',
  Body: 'string',
  TLSSkipVerify: 'bool',
  TCP: 'string',
  GRPC: 'string',
  GRPCUseTLS: 'bool',
  Interval: 'duration',
  Timeout: 'duration',
  DeregisterCriticalServiceAfter: 'duration',
  SuccessBeforePassing: 'int',
  FailuresBeforeCritical: 'int',
  OutputMaxSize: 'int',
  AliasNode: 'string',
  AliasService: 'string',
  DockerContainerID: 'string',
  Shell: 'string',
  ScriptArgs: 'strings',
  Args: 'strings',
  Token: 'string',
  Namespace: 'string',
};

export function checkFields(old: boolean): Fields {
  if (old) return COMMON;
  return {
    ...COMMON,
    FailuresBeforeWarning: 'int',
    TLSServerName: 'string',
    DisableRedirects: 'bool',
    TCPUseTLS: 'bool',
    H2PING: 'string',
    H2PingUseTLS: 'bool',
    UDP: 'string',
    OSService: 'string',
    Partition: 'string',
    SessionName: 'string',
  };
}

/** What runs it; undefined where it has nothing to run. */
export type CheckKind = 'ttl' | 'http' | 'tcp' | 'grpc';

export function kindOf({ TTL = 0, HTTP, TCP, GRPC }: CheckDefinition): CheckKind | undefined {
  if (HTTP) return 'http';
  if (TCP) return 'tcp';
  if (GRPC) return 'grpc';
  return TTL > 0 ? 'ttl' : undefined;
}

/** Nothing in it at all: with a service, that is no check. */
export function isEmptyCheck(definition: CheckDefinition): boolean {
  return Object.values(definition).every((value) => !value || value === '');
}

/** @throws Refusal 400 in Consul's words. */
export function verifyCheck(definition: CheckDefinition, old: boolean): void {
  const { Status, Interval = 0, TTL = 0 } = definition;
  if (Status !== undefined && Status !== '' && !isStatus(Status))
    throw new Refusal(400, "Status for checks must 'passing', 'warning', 'critical'");
  for (const unknown of [
    'ScriptArgs',
    'Args',
    'DockerContainerID',
    'UDP',
    'H2PING',
    'OSService',
    'AliasService',
    'AliasNode',
  ])
    if (definition[unknown])
      throw new Refusal(400, `Invalid check: this double does not run ${unknown} checks`);
  const runs = definition.HTTP || definition.TCP || definition.GRPC;
  const names = old ? 'Script, HTTP, or TCP' : 'Script, HTTP, H2PING, TCP, UDP or OSService';
  if (runs && Interval <= 0)
    throw new Refusal(400, `Invalid check: Interval must be > 0 for ${names} checks`);
  if (!runs && TTL <= 0) throw new Refusal(400, 'Invalid check: TTL must be > 0 for TTL checks');
}

export function isStatus(text: string): text is Status {
  return text === 'passing' || text === 'warning' || text === 'critical';
}

/** @param none how having none is shown: '' where the check came with its service, '0s' where it came alone. */
export function timingOf({ Interval = 0, Timeout = 0 }: CheckDefinition, none: string) {
  return {
    interval: Interval === 0 ? none : spelled(Interval),
    timeout: Timeout === 0 ? none : spelled(Timeout),
  };
}
