import type { Random } from '../random.ts';
import type { Catalogue, Instance } from './catalogue.ts';
import type { Lookup } from './instance-index.ts';
import type { Settings } from './settings.ts';

export interface World {
  settings: Settings;
  catalogue: Catalogue;
  random: Random;
  access: Access;
}

/** What the agent may see, and whom it reaches. */
export interface Access {
  /** 'unknown-token': the agent's own token is not one of the cluster's, for instance because it expired (F5.5). */
  acl: Acl;
  /** Datacenters, in lower case, whose servers cannot be reached. */
  unreachable: Set<string>;
}

export type Acl = 'allow' | 'deny' | 'unknown-token';

export function fullAccess(): Access {
  return { acl: 'allow', unreachable: new Set() };
}

/** Of a question to a datacenter's servers: 'unknown' is NXDOMAIN to a client, 'failed' is SERVFAIL (F5.5–F5.10). */
export function reach(
  { settings, catalogue, access }: World,
  datacenter: string,
): 'ok' | 'unknown' | 'failed' {
  const { unreachable, acl } = access;
  // Other datacenters are asked through the servers of the own.
  if (unreachable.has(settings.datacenter.toLowerCase()) || unreachable.has(datacenter.toLowerCase()))
    return 'failed';
  if (!catalogue.knowsDatacenter(datacenter)) return 'unknown';
  return acl === 'unknown-token' ? 'failed' : 'ok';
}

/** The instances to answer with; none where the token may not see them (F5.4). */
export function visible({ settings, catalogue, access }: World, lookup: Lookup): Instance[] {
  if (access.acl !== 'allow') return [];
  const usable = catalogue.usable(lookup);
  return settings.onlyPassing ? usable.filter(({ status }) => status === 'passing') : usable;
}
