import { type Answer, empty, RCODES } from './answer.ts';
import type { Instance } from './catalogue.ts';
import { instanceAddresses, type Scene, srvRecords } from './instances.ts';
import type { Asked } from './names.ts';
import { nodeAnswer } from './node-answer.ts';
import { execute } from './prepared-query.ts';
import { asksAddresses, shuffle } from './records.ts';
import { serviceTtl, wholeSeconds } from './settings.ts';
import { TYPES } from './wire.ts';
import { reach, visible, type World } from './world.ts';
import { failed, missing, soa } from './zone.ts';

/** What is looked up in the catalogue: services and what stands for them in the mesh, prepared queries, nodes. */

type About<K extends Asked['kind']> = Extract<Asked, { kind: K }>;

export function askService(
  world: World,
  scene: Scene,
  asked: About<'service' | 'connect' | 'ingress'>,
): Answer {
  const { settings, access } = world;
  const { kind, service, tag, place } = asked;
  const { datacenter = settings.datacenter, peer, port } = place;
  // The mesh itself says no; elsewhere what must not be seen is just not there.
  if (kind === 'connect' && settings.dialect.newNames && access.acl === 'deny') return failed(world);
  const reached = reach(world, peer === undefined ? datacenter : settings.datacenter);
  if (reached === 'failed') return failed(world);
  if (reached === 'unknown') return missing(world, scene.query.name);
  const instances = visible(world, { kind, service, tag, datacenter, peer });
  // The order is drawn anew for every question, before anything is cut (F2.3).
  shuffle(instances, world.random);
  const where = { datacenter: peer === undefined ? datacenter : '', port };
  return instancesAnswer(world, { ...ofKind(scene, kind, service), ...where }, instances);
}

export function askQuery(world: World, scene: Scene, asked: About<'query'>): Answer {
  const { settings, catalogue, access } = world;
  const { v2dns } = settings.dialect;
  const datacenter = asked.datacenter ?? settings.datacenter;
  const definition = catalogue.query(asked.name, datacenter);
  // Nobody's token is needed to learn that there is no such query (F12.14).
  const unknown = definition === undefined && access.acl === 'unknown-token';
  const reached = unknown ? 'unknown' : reach(world, datacenter);
  // v2dns takes for a failure what other datacenters do not know.
  const abroad = v2dns && datacenter !== settings.datacenter.toLowerCase();
  if (reached === 'failed') return failed(world);
  if (reached === 'unknown' || definition === undefined) {
    return abroad ? failed(world) : missing(world, scene.query.name);
  }
  const found = execute(world, definition, datacenter);
  const { ttl } = ofKind(scene, 'service', v2dns ? asked.name : definition.service);
  const own = definition.ttl === undefined ? ttl : wholeSeconds(definition.ttl);
  return instancesAnswer(world, { ...scene, ttl: own, datacenter: found.datacenter }, found.instances);
}

export function askNode(world: World, scene: Scene, { name, place }: About<'node'>): Answer {
  const { settings, catalogue, access } = world;
  const { query } = scene;
  const { v2dns } = settings.dialect;
  // Other questions are not even looked up.
  if (!asksAddresses(query.type) && !v2dns) return empty(RCODES.NOERROR);
  const { datacenter = settings.datacenter, peer } = place;
  const reached = reach(world, peer === undefined ? datacenter : settings.datacenter);
  if (reached === 'failed' || (v2dns && reached === 'unknown')) return failed(world);
  const node = access.acl === 'allow' ? catalogue.node(name, datacenter, peer) : undefined;
  if (reached === 'unknown' || node === undefined) return missing(world, query.name);
  const found = nodeAnswer(scene, node);
  const nothing = v2dns && found.answers.length + found.additionals.length === 0;
  return nothing ? { ...found, authorities: [soa(world, query.name)] } : found;
}

/** v2dns knows the TTLs and the metadata of services only, not of what stands for them in the mesh. */
function ofKind(scene: Scene, kind: 'service' | 'connect' | 'ingress', service: string): Scene {
  const configured = serviceTtl(scene.settings, service);
  if (!scene.settings.dialect.v2dns) return { ...scene, ttl: configured ?? 0 };
  if (kind !== 'service') return { ...scene, metaTxt: false };
  return { ...scene, ttl: configured ?? scene.ttl };
}

function instancesAnswer(world: World, scene: Scene, instances: Instance[]): Answer {
  const { name, type } = scene.query;
  if (instances.length === 0) return missing(world, name);
  const records = type === TYPES.SRV ? srvRecords : instanceAddresses;
  const { noSuchPort, ...found } = records(scene, instances);
  if (noSuchPort) return { ...missing(world, name), ...found, trimmed: true };
  const nothing = found.answers.length + (world.settings.dialect.v2dns ? found.additionals.length : 0) === 0;
  return empty(RCODES.NOERROR, { ...found, authorities: nothing ? [soa(world, name)] : [], trimmed: true });
}
