import { isIP } from 'node:net';
import { type Answer, empty, RCODES } from './answer.ts';
import type { CatalogueNode } from './catalogue.ts';
import type { Scene } from './instances.ts';
import { addressRecords, metadata, nodeName, wants } from './records.ts';
import { nodeAddress } from './tagged-addresses.ts';
import { type DnsRecord, TYPES } from './wire.ts';

/** Addresses and metadata of a node, whatever the health of what runs there (F1.11). */
export function nodeAnswer(scene: Scene, node: CatalogueNode): Answer {
  const { query, settings, ttl } = scene;
  const { v2dns } = settings.dialect;
  const inAnswer = query.type === TYPES.ANY || query.type === TYPES.TXT;
  const texts = metadata(query.name, node, ttl, scene.random);
  const answers: DnsRecord[] = [];
  const additionals: DnsRecord[] = [];
  const address = nodeAddress(settings, node, query.type);
  if (isIP(address) === 0) {
    const target = node.address.replace(/\.$/, '');
    // A TXT question means the metadata alone here, unlike for a service. v2dns gives the name whatever the type, and no more.
    if (v2dns || query.type !== TYPES.TXT) answers.push({ name: query.name, ttl, type: 'CNAME', target });
    if (!v2dns && query.type !== TYPES.TXT) answers.push(...scene.resolve(target));
  } else if (query.type === TYPES.SRV) {
    const target = nodeName(node, scene.domain);
    answers.push({ name: query.name, ttl, type: 'SRV', priority: 1, weight: 0, port: 0, target });
    additionals.push(...addressRecords(target, address, ttl));
  } else if (wants(query.type, address)) {
    const records = addressRecords(query.name, address, ttl);
    if (query.type !== TYPES.TXT) answers.push(...records);
    else if (v2dns) additionals.push(...records);
  }
  if (inAnswer) answers.push(...texts);
  else if (settings.metaTxt) additionals.push(...texts);
  return empty(RCODES.NOERROR, { answers, additionals });
}
