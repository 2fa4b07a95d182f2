import { isIP } from 'node:net';
import type { AddressTag, NamedPort, ServiceDefinition } from '../definitions.ts';
import { type CheckDefinition, checkFields, isEmptyCheck, verifyCheck } from './check-definition.ts';
import { decoded, type Fields } from './json-body.ts';
import { Refusal } from './reply.ts';

export interface ServiceRegistration {
  definition: ServiceDefinition & { id: string };
  checks: CheckDefinition[];
}

export interface GivenService {
  ID?: string;
  Name?: string;
  /** Its name, as the catalogue's API has it. */
  Service?: string;
  Address?: string;
  Port?: number;
  Ports?: { Name?: string; Port?: number; Default?: boolean }[];
  Tags?: string[];
  Meta?: Record<string, string>;
  Weights?: { Passing?: number; Warning?: number };
  TaggedAddresses?: Record<string, { Address?: string; Port?: number }>;
  EnableTagOverride?: boolean;
  Kind?: string;
}

interface Given extends GivenService {
  Check?: CheckDefinition;
  Checks?: CheckDefinition[];
}

export const SERVICE_FIELDS: Fields = {
  ID: 'string',
  Name: 'string',
  Address: 'string',
  Port: 'int',
  Tags: 'strings',
  Meta: 'map',
  Weights: { Passing: 'int', Warning: 'int' },
  TaggedAddresses: 'any',
  EnableTagOverride: 'bool',
  Kind: 'string',
  Namespace: 'string',
  Token: 'string',
  Proxy: 'any',
  Connect: 'any',
};

/**
 * The body of /v1/agent/service/register.
 *
 * @throws Refusal 400 in Consul's words.
 */
export function readRegistration(body: Buffer, version: string): ServiceRegistration {
  const old = version === '1.8.7';
  const check = checkFields(old);
  const fields: Fields = {
    ...SERVICE_FIELDS,
    Check: check,
    Checks: [check],
    ...(version === '1.22.7' && { Ports: [{ Name: 'string', Port: 'int', Default: 'bool' }] }),
    ...(!old && { Partition: 'string', SocketPath: 'string', Locality: 'any' }),
  };
  const given = decoded(body, fields, { structure: old ? '' : '.Alias' }) as Given;
  const { Name = '', Address = '' } = given;
  if (Name === '') throw new Refusal(400, 'Missing service name');
  if (Address === '0.0.0.0' || Address === '::' || Address === '[::]')
    throw new Refusal(400, 'Invalid service address');
  verifyMeta(given.Meta ?? {});
  const checks = [given.Check, ...(given.Checks ?? [])].filter(
    (one): one is CheckDefinition => one !== undefined && !isEmptyCheck(one),
  );
  for (const one of checks) verifyCheck(one, old);
  return { definition: readService(given), checks };
}

export function readService(given: GivenService): ServiceDefinition & { id: string } {
  const { Name = '', ID = '', Address = '', Port, Ports } = given;
  return {
    name: Name,
    id: ID || Name,
    address: Address,
    ...(Ports === undefined || Ports.length === 0
      ? { port: Math.max(0, Port ?? 0) }
      : { ports: namedPorts(Ports, Port) }),
    tags: given.Tags ?? [],
    ...(given.Meta !== undefined && { meta: given.Meta }),
    weights: weightsFrom(given.Weights),
    enableTagOverride: given.EnableTagOverride ?? false,
    taggedAddresses: taggedFrom(given.TaggedAddresses, Address),
    ...meshOf(given),
  };
}

function namedPorts(ports: NonNullable<GivenService['Ports']>, port: number | undefined): NamedPort[] {
  if (port !== undefined && port !== 0)
    throw new Refusal(400, 'Invalid service: cannot specify both Port and Ports');
  if (ports.filter(({ Default }) => Default).length !== 1)
    throw new Refusal(400, 'Invalid service: exactly one of Ports must be the default');
  return ports.map(({ Name = '', Port = 0, Default = false }) => ({
    name: Name,
    port: Port,
    default: Default,
  }));
}

function weightsFrom(given: GivenService['Weights']): { passing: number; warning: number } {
  if (given === undefined) return { passing: 1, warning: 1 };
  const { Passing = 0, Warning = 0 } = given;
  if (Passing <= 0) throw new Refusal(400, 'Invalid Weights: Passing must be greater than 0');
  if (Warning < 0) throw new Refusal(400, 'Invalid Weights: Warning must be greater or equal than 0');
  if (Passing > 65_535 || Warning > 65_535)
    throw new Refusal(400, 'Invalid Weights: DNS Weight must be between 0 and 65535');
  return { passing: Passing, warning: Warning };
}

function verifyMeta(meta: Record<string, string>): void {
  const refused = (key: string, value: string, why: string) =>
    new Refusal(400, `Invalid Service Meta: Couldn't load metadata pair ('${key}', '${value}'): ${why}`);
  if (Object.keys(meta).length > 64)
    throw new Refusal(400, 'Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs');
  for (const [key, value] of Object.entries(meta)) {
    if (key === '') throw refused(key, value, 'Key cannot be blank');
    if (!/^[\w-]+$/.test(key)) throw refused(key, value, 'Key contains invalid characters');
    if (key.length > 128) throw refused(key, value, 'Key is too long (limit: 128 characters)');
    if (value.length > 512) throw refused(key, value, 'Value is too long (limit: 512 characters)');
  }
}

function taggedFrom(
  given: GivenService['TaggedAddresses'],
  address: string,
): NonNullable<ServiceDefinition['taggedAddresses']> {
  if (given === undefined) return {};
  const wrong = Object.values(given).find((one) => isIP(one.Address ?? '') === 0 && !one.Address);
  if (wrong !== undefined) throw new Refusal(400, `Invalid service address: ${address}`);
  return Object.fromEntries(
    Object.entries(given).map(([tag, { Address = '', Port }]) => [
      tag as AddressTag,
      { address: Address, ...(Port === undefined ? {} : { port: Port }) },
    ]),
  );
}

/** As much of the mesh as DNS shows. */
function meshOf(given: GivenService): Partial<ServiceDefinition> {
  const {
    Connect,
    Proxy: proxy,
    Kind,
  } = given as {
    Connect?: { Native?: boolean };
    Proxy?: { DestinationServiceName?: string };
    Kind?: string;
  };
  return {
    ...(Connect?.Native === true && { native: true }),
    ...(Kind === 'connect-proxy' &&
      proxy?.DestinationServiceName !== undefined && { sidecarFor: proxy.DestinationServiceName }),
  };
}
