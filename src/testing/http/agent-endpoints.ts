import { createHash } from 'node:crypto';
import type { Instance } from '../catalogue.ts';
import type { Status } from '../definitions.ts';
import { worst } from './check.ts';
import { type CheckDefinition, checkFields, isStatus, verifyCheck } from './check-definition.ts';
import type { Context } from './context.ts';
import { filterOf } from './filter.ts';
import { CHECK, SERVICE } from './filter-schema.ts';
import { decoded } from './json-body.ts';
import { Refusal, type Reply } from './reply.ts';
import { goBoolean, type Question } from './request.ts';
import type { Handler, Routes } from './router.ts';
import { readRegistration } from './service-registration.ts';

/** /v1/agent/service, /v1/agent/services, /v1/agent/health/service: what is registered with the agent itself. */
export function agentServiceRoutes(context: Context): Routes {
  const { agent, shapes, settings, catalogue, old } = context;
  const unknown = (id: string) =>
    new Refusal(
      404,
      `Unknown service ID "${id}". Ensure that the service ID is passed, not the service name.`,
    );

  return {
    '/v1/agent/services': {
      GET: (question) => {
        const matches = filterOf(question, SERVICE);
        const services = agent.services().map((one) => [one.id, shapes.agentService(one)] as const);
        return { json: Object.fromEntries(services.filter(([, service]) => matches(service))) };
      },
    },
    '/v1/agent/service/': {
      GET: ({ rest: id }) => {
        const service = agent.service(id);
        if (service === undefined) throw new Refusal(404, `unknown service ID: ${id}`);
        const hash = contentHash(shapes.agentService(service));
        return {
          json: shapes.agentService(service, hash),
          headers: { 'X-Consul-ContentHash': hash },
        };
      },
    },
    '/v1/agent/service/register': {
      PUT: (question) => {
        const { definition, checks } = readRegistration(question.body, settings.version);
        agent.register(definition, checks, question.flag('replace-existing-checks'));
        return {};
      },
    },
    '/v1/agent/service/deregister/': {
      PUT: ({ rest: id }) => {
        if (!agent.deregister(id) && !old) throw unknown(id);
        return {};
      },
    },
    '/v1/agent/service/maintenance/': {
      PUT: (question) => {
        const { rest: id } = question;
        if (id === '') throw new Refusal(400, 'Missing service ID');
        const enable = enabled(question);
        const service = agent.service(id);
        if (service === undefined)
          throw old ? new Refusal(404, `No service registered with ID "${id}"`) : unknown(id);
        agent.maintain(service, enable ? question.value('reason') : undefined);
        return {};
      },
    },
    '/v1/agent/maintenance': {
      PUT: (question) => {
        agent.maintain(catalogue.ownNode, enabled(question) ? question.value('reason') : undefined);
        return {};
      },
    },
    '/v1/agent/health/service/id/': {
      GET: (question) => {
        const service = agent.service(question.rest);
        if (service === undefined) {
          return {
            status: 404,
            headers: { 'X-Consul-Reason': `ServiceId ${question.rest} not found` },
            json: { AggregatedStatus: 'critical', Service: null, Checks: null },
          };
        }
        const { state, json } = health(context, service);
        return healthReply(question, state, json.AggregatedStatus, json);
      },
    },
    '/v1/agent/health/service/name/': {
      GET: (question) => {
        const all = agent.services().filter(({ name }) => name === question.rest);
        if (all.length === 0) {
          return {
            status: 404,
            headers: { 'X-Consul-Reason': `ServiceName ${question.rest} Not Found` },
            json: [],
          };
        }
        const found = all.map((service) => health(context, service));
        const states = found.map(({ json }) => json.AggregatedStatus);
        const state = worst(found.map((one) => ({ status: one.state })));
        const said = states.includes('maintenance') ? 'maintenance' : state;
        return healthReply(
          question,
          state,
          said,
          found.map(({ json }) => json),
        );
      },
    },
  };
}

/** /v1/agent/check, /v1/agent/checks */
export function agentCheckRoutes({ agent, shapes, old }: Context): Routes {
  const unknown = (id: string) =>
    new Refusal(404, `Unknown check ID "${id}". Ensure that the check ID is passed, not the check name.`);
  const beat = (id: string, status: Status, output: string): Reply => {
    const taken = agent.heartbeat(id, status, output);
    if (taken === undefined && !old) throw unknown(id);
    if (!taken) throw new Refusal(500, `CheckID ${JSON.stringify(id)} does not have associated TTL`);
    return {};
  };
  const heartbeat =
    (status: Status): Handler =>
    (question) =>
      beat(question.rest, status, question.value('note'));

  return {
    '/v1/agent/checks': {
      GET: (question) => {
        const matches = filterOf(question, CHECK);
        const checks = agent
          .checks()
          .map(({ check, of }) => [check.id, shapes.agentCheck(check, of)] as const)
          .sort(([one], [other]) => (one < other ? -1 : 1));
        return { json: Object.fromEntries(checks.filter(([, check]) => matches(check))) };
      },
    },
    '/v1/agent/check/register': {
      PUT: ({ body }) => {
        const definition = decoded(body, checkFields(old)) as CheckDefinition;
        if (!definition.Name) throw new Refusal(400, 'Missing check name');
        verifyCheck(definition, old);
        const { ServiceID } = definition;
        if (ServiceID && agent.service(ServiceID) === undefined)
          throw new Refusal(old ? 500 : 404, `ServiceID ${JSON.stringify(ServiceID)} does not exist`);
        agent.registerCheck(definition);
        return {};
      },
    },
    '/v1/agent/check/deregister/': {
      PUT: ({ rest: id }) => {
        if (!agent.deregisterCheck(id) && !old) throw unknown(id);
        return {};
      },
    },
    '/v1/agent/check/pass/': { PUT: heartbeat('passing') },
    '/v1/agent/check/warn/': { PUT: heartbeat('warning') },
    '/v1/agent/check/fail/': { PUT: heartbeat('critical') },
    '/v1/agent/check/update/': {
      PUT: ({ body, rest }) => {
        const { Status: status = '', Output: output = '' } = decoded(
          body,
          { Status: 'string', Output: 'string', CheckID: 'string' },
          { strict: false },
        ) as { Status?: string; Output?: string };
        if (!isStatus(status)) throw new Refusal(400, `Invalid check status: '${status}'`);
        return beat(rest, status, output);
      },
    },
  };
}

function health({ agent, shapes, catalogue }: Context, service: Instance) {
  const checks = [...agent.checksOf(catalogue.ownNode), ...agent.checksOf(service)];
  const states = checks.map(({ check }) => check);
  const maintenance = states.some(({ type }) => type === 'maintenance');
  const state = worst(states);
  return {
    state,
    json: {
      AggregatedStatus: maintenance ? 'maintenance' : state,
      Service: shapes.agentService(service),
      Checks: checks.map(({ check, of }) => shapes.healthCheck(check, of)),
    },
  };
}

function healthReply(question: Question, state: Status, said: string, json: object): Reply {
  const status = { passing: 200, warning: 429, critical: 503 }[state];
  const headers = { 'X-Consul-Reason': said };
  return question.value('format') === 'text' ? { status, headers, text: said } : { status, headers, json };
}

/** @throws Refusal 400 */
function enabled(question: Question): boolean {
  const value = question.value('enable');
  if (value === '') throw new Refusal(400, 'Missing value for enable');
  const read = goBoolean(value);
  if (read === undefined) throw new Refusal(400, `Invalid value for enable: ${JSON.stringify(value)}`);
  return read;
}

/** Stands still while the service does; not the same number as Consul's. */
function contentHash(service: object): string {
  return createHash('sha256').update(JSON.stringify(service)).digest('hex').slice(0, 16);
}
