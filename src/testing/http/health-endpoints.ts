import type { Instance } from '../catalogue.ts';
import type { Kind } from '../instance-index.ts';
import type { Check } from './check.ts';
import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import { filterOf } from './filter.ts';
import { CHECK, HEALTH_SERVICE } from './filter-schema.ts';
import { tablesOf } from './indexes.ts';
import { type Read, Refusal } from './reply.ts';
import type { Question } from './request.ts';
import type { Handler, Routes } from './router.ts';
import { instancesOf, serviceIndex } from './service-read.ts';

/** /v1/health: instances with their checks, and checks by themselves. */
export function healthRoutes(context: Context): Routes {
  const { catalogue, indexes, shapes, old } = context;

  const entry = (instance: Instance) => ({
    Node: shapes.node(instance.node),
    Service: shapes.service(instance),
    Checks: [
      ...byId(instance.node.checks.values()).map((check) => shapes.check(check, instance.node)),
      ...byId(instance.checks.values()).map((check) => shapes.check(check, instance)),
    ],
  });
  const service =
    (kind: Kind): Handler =>
    (question): Read => {
      if (question.rest === '') throw new Refusal(400, 'Missing service name');
      const passing = question.flag('passing');
      const datacenter = datacenterOf(question, context);
      const matches = filterOf(question, HEALTH_SERVICE);
      const find = () => instancesOf(context, question, kind, datacenter);
      return {
        index: () => serviceIndex(context, question.rest, kind, datacenter, true),
        // On 1.8.7 the end of any service wakes who waits for one that is not there.
        absent: () =>
          find().length === 0 && !(old && indexes.of(tablesOf(datacenter).extinction) !== undefined),
        streams: !old && question.has('index') && kind === 'service',
        reply: () => ({
          json: find()
            .filter(({ status }) => !passing || status === 'passing')
            .map(entry)
            .filter(matches),
        }),
      };
    };

  const checks =
    (missing: string, wanted: (question: Question, datacenter: string) => object[]): Handler =>
    (question): Read => {
      if (question.rest === '') throw new Refusal(400, missing);
      const datacenter = datacenterOf(question, context);
      const matches = filterOf(question, CHECK);
      const found = () => wanted(question, datacenter).filter(matches);
      return {
        index: () => indexes.highest(tablesOf(datacenter).checks),
        fingerprint: () => JSON.stringify(found()),
        reply: () => ({ json: found() }),
      };
    };
  const allIn = (datacenter: string) =>
    catalogue
      .nodesIn(datacenter)
      .flatMap((node) =>
        [node, ...catalogue.instancesOn(node)]
          .flatMap((of) => [...of.checks.values()].map((check) => ({ check, of })))
          .sort((one, other) => order(one.check, other.check)),
      );

  return {
    '/v1/health/service/': { GET: service('service') },
    '/v1/health/connect/': { GET: service('connect') },
    '/v1/health/ingress/': { GET: service('ingress') },
    '/v1/health/node/': {
      GET: checks('Missing node name', ({ rest }, datacenter) =>
        allIn(datacenter)
          .filter(({ of }) => ('node' in of ? of.node : of).name.toLowerCase() === rest.toLowerCase())
          .map(({ check, of }) => shapes.check(check, of)),
      ),
    },
    '/v1/health/checks/': {
      GET: checks('Missing service name', ({ rest }, datacenter) =>
        catalogue
          .instances({ kind: 'service', service: rest, datacenter })
          .flatMap((instance) =>
            byId(instance.checks.values()).map((check) => shapes.check(check, instance)),
          ),
      ),
    },
    '/v1/health/state/': {
      GET: checks('Missing check state', ({ rest }, datacenter) =>
        allIn(datacenter)
          .filter(({ check }) => rest === 'any' || check.status === rest)
          .map(({ check, of }) => shapes.check(check, of)),
      ),
    },
  };
}

function byId(checks: Iterable<Check>): Check[] {
  return [...checks].sort(order);
}

function order(one: Check, other: Check): number {
  return one.id < other.id ? -1 : Number(one.id > other.id);
}
