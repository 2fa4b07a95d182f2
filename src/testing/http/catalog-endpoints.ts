import { type CatalogueNode, type Instance, orderedByName } from '../catalogue.ts';
import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import { type Filter, filterOf } from './filter.ts';
import { CATALOG_SERVICE, NODE, SERVICE } from './filter-schema.ts';
import { tablesOf } from './indexes.ts';
import { type Read, Refusal } from './reply.ts';
import type { Question } from './request.ts';
import type { Handler, Routes } from './router.ts';
import { hasNodeMeta, instancesOf, serviceIndex } from './service-read.ts';

/** /v1/catalog, for reading. */
export function catalogRoutes(context: Context): Routes {
  const { catalogue, indexes, settings, shapes, old } = context;

  const services = (question: Question): Read => {
    const datacenter = datacenterOf(question, context);
    // 1.8.7 knows no filter here and says nothing.
    const matches = old ? () => true : filterOf(question, CATALOG_SERVICE);
    const byName = () => {
      const found = catalogue
        .nodesIn(datacenter)
        .filter((node) => hasNodeMeta(node, question))
        .flatMap((node) => catalogue.instancesOn(node))
        .filter((instance) => matches(shapes.catalogService(instance)));
      return tagsByName(found);
    };
    return {
      index: () => indexes.highest(tablesOf(datacenter).services),
      reply: () => ({ json: byName() }),
    };
  };

  const service: Handler = (question): Read => {
    if (question.rest === '') throw new Refusal(400, 'Missing service name');
    const datacenter = datacenterOf(question, context);
    const matches = filterOf(question, CATALOG_SERVICE);
    const found = () =>
      instancesOf(context, question, 'service', datacenter).map(shapes.catalogService).filter(matches);
    return {
      index: () => serviceIndex(context, question.rest, 'service', datacenter, false),
      // Checks move its index and wake nobody.
      fingerprint: () => JSON.stringify(found()),
      reply: () => ({ json: found() }),
    };
  };

  const nodes = (question: Question): Read => {
    const datacenter = datacenterOf(question, context);
    const matches = filterOf(question, NODE);
    const found = () =>
      catalogue
        .nodesIn(datacenter)
        .filter((node) => hasNodeMeta(node, question))
        .map(shapes.node)
        .filter(matches);
    const { nodes: table, services } = tablesOf(datacenter);
    return {
      index: () => indexes.highest(table, ...(old ? [] : [services])),
      fingerprint: () => JSON.stringify(found()),
      reply: () => ({ json: found() }),
    };
  };

  const node =
    (shown: (node: CatalogueNode, matches: Filter) => object): Handler =>
    (question): Read => {
      if (question.rest === '') throw new Refusal(400, 'Missing node name');
      const datacenter = datacenterOf(question, context);
      const matches = filterOf(question, SERVICE);
      const found = () => catalogue.node(question.rest, datacenter);
      const json = () => {
        const one = found();
        return one === undefined ? null : shown(one, matches);
      };
      const { nodes, services } = tablesOf(datacenter);
      return {
        index: () => (found() === undefined ? 0 : indexes.highest(nodes, services)),
        fingerprint: () => JSON.stringify(json()),
        reply: () => ({ json: json() }),
      };
    };
  const servicesOn = (of: CatalogueNode, matches: Filter) =>
    catalogue
      .instancesOn(of)
      .map((instance) => [instance.id, shapes.service(instance)] as const)
      .filter(([, one]) => matches(one));

  return {
    '/v1/catalog/datacenters': {
      GET: () => ({ json: nearestFirst(catalogue.datacenters(), settings.datacenter) }),
    },
    '/v1/catalog/services': { GET: services },
    '/v1/catalog/service/': { GET: service },
    '/v1/catalog/nodes': { GET: nodes },
    '/v1/catalog/node/': {
      GET: node((of, matches) => ({
        Node: shapes.node(of),
        Services: Object.fromEntries(servicesOn(of, matches)),
      })),
    },
    '/v1/catalog/node-services/': {
      GET: node((of, matches) => ({
        Node: shapes.node(of),
        Services: servicesOn(of, matches).map(([, one]) => one),
      })),
    },
  };
}

/** Sorted by round trips in Consul: none is nearer than the own. */
function nearestFirst(names: string[], own: string): string[] {
  return [own, ...names.filter((name) => name.toLowerCase() !== own.toLowerCase())];
}

function tagsByName(instances: Instance[]): Record<string, string[]> {
  const byName = new Map<string, Set<string>>();
  for (const { name, tags } of instances) {
    const all = byName.get(name) ?? new Set();
    for (const tag of tags) all.add(tag);
    byName.set(name, all);
  }
  const sorted = [...byName].map(([name, tags]) => ({ name, tags: [...tags] })).sort(orderedByName);
  return Object.fromEntries(sorted.map(({ name, tags }) => [name, tags]));
}
