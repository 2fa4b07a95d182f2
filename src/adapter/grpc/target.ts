/**
 * What a target says: `consul:///web?tag=v1`, `consul://NAME/v1.web.service.dc2.consul`, `consul:///x.node.consul:50051`.
 */
import { canonicalName, isHostName, parseServiceName, type ServiceName } from '../../dns/name.ts';
import { InvalidNameError } from '../../errors.ts';
import type { GrpcUri } from './peer.ts';

export interface Target {
  /** Canonical. */
  readonly name: string;
  /** Of every instance, where DNS knows none. */
  readonly port: number | undefined;
}

/** As it was written. */
export function shown({ scheme, authority, path }: GrpcUri): string {
  return `${scheme}:${authority === undefined ? '' : `//${authority}/`}${path}`;
}

/** @throws InvalidNameError */
export function targetOf(uri: GrpcUri, domain: string): Target {
  const { text, port, query } = apart(uri);
  const path = parseServiceName(text, domain);
  const name = parseServiceName(withQuery(path, query), domain);
  if (port !== undefined && !isHostName(name)) {
    throw new InvalidNameError(
      `Consul says at which port each instance of a service listens: leave :${port} out of the target.`,
    );
  }
  return { name: canonicalName(name, domain), port };
}

/**
 * What stands in `:authority` and is asked of certificates: the path's full name, `web.service.consul`. What stands behind `?` chooses
 * among the instances of a service and does not make it another one. Never throws: what is wrong with a target, its calls are told.
 */
export function authorityOf(uri: GrpcUri, domain: string): string {
  try {
    const { text, port } = apart(uri);
    const name = canonicalName(parseServiceName(text, domain), domain);
    return port === undefined ? name : `${name}:${port}`;
  } catch {
    return uri.path;
  }
}

function apart({ path }: GrpcUri): { text: string; port: number | undefined; query: string } {
  if (path.startsWith('//')) {
    throw new InvalidNameError(
      `A target has three slashes, or the name of a discovery between the second and the third: consul:///${path.replace(/^\/+/, '')}.`,
    );
  }
  const [, text = path, port, query = ''] = /^([^?]*?)(?::(\d{1,5}))?(?:\?(.*))?$/s.exec(path) ?? [];
  return { text, port: port === undefined ? undefined : Number(port), query };
}

/** The keys are those of typed names, so that what is known and what is not is said in one place. */
function withQuery(name: ServiceName, query: string): ServiceName {
  const all: Record<string, unknown> = { ...name };
  for (const [key, value] of new URLSearchParams(query)) {
    if (Object.hasOwn(all, key)) {
      throw new InvalidNameError(`The target says ${JSON.stringify(key)} twice: say it once.`);
    }
    all[key] = key === 'ordered' && /^(true|false)$/.test(value) ? value === 'true' : value;
  }
  return all as unknown as ServiceName;
}
