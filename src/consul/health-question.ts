import {
  canonicalName,
  kindOf,
  type QueryByName,
  type ServiceByName,
  type ServiceName,
  subjectOf,
} from '../dns/name.ts';
import { InvalidNameError } from '../errors.ts';
import type { QueryValue } from './http.ts';
import { inPath } from './path.ts';

/** What is asked over HTTP for the instances under a name. */
export interface HealthQuestion {
  readonly path: string;
  readonly query: Readonly<Record<string, QueryValue>>;
  /** Whether Consul tells of changes. A prepared query is run anew each time. */
  readonly blocks: boolean;
  /** The name of the port that is asked for. */
  readonly port: string | undefined;
  /** The peered cluster that is asked for. */
  readonly peer: string | undefined;
  /** Whether the order of the answer means something. */
  readonly ordered: boolean;
}

/**
 * @param tags an instance must have them all, beside that of the name.
 * @throws InvalidNameError for what only DNS answers: machines and virtual addresses.
 */
export function healthQuestion(name: ServiceName, tags: readonly string[]): HealthQuestion {
  const subject = inPath(subjectOf(name), 'name');
  const { datacenter, namespace, partition, peer, port, tag } = name as Partial<ServiceByName>;
  const query = { dc: datacenter, ns: namespace, partition, peer };
  const of = (path: string, more: object = {}): HealthQuestion => ({
    path: `${path}${subject}`,
    query: { ...query, ...more },
    blocks: true,
    port,
    peer,
    ordered: false,
  });
  switch (kindOf(name)) {
    case 'service':
      return of('/v1/health/service/', { tag: tag === undefined ? tags : [tag, ...tags] });
    case 'connect':
      return of('/v1/health/connect/', { tag: tags });
    case 'ingress':
      return of('/v1/health/ingress/', { tag: tags });
    case 'query': {
      const { ordered = false } = name as QueryByName;
      const asked = of('/v1/query/');
      return { ...asked, path: `${asked.path}/execute`, blocks: false, ordered };
    }
    default:
      throw new InvalidNameError(
        `consulHttp: ${canonicalName(name)} names a machine or an address and no service: only DNS answers for it.`,
      );
  }
}
