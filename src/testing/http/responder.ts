import { holdForLeader } from '../election.ts';
import { admit, emptied } from './access-control.ts';
import { untilChanged, waitingOf } from './blocking.ts';
import type { Context } from './context.ts';
import type { HttpFaultState } from './http-faults.ts';
import { isRead, type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';
import { handlerOf, type Routes, routeOf } from './router.ts';

/** How an agent answers a question: the endpoint, the wait of a blocking query, the headers, the words of a refusal. */
export function httpResponder(
  routes: Routes,
  context: Context,
  faults: HttpFaultState,
): (question: Question) => Promise<Reply> {
  const { old, indexes, clock, random, token } = context;
  const policy: Record<string, string> = old
    ? {}
    : { 'X-Consul-Default-Acl-Policy': token === undefined ? 'allow' : 'deny' };
  const backend = old ? {} : { 'X-Consul-Query-Backend': 'blocking-query' };

  const led = async () => {
    if (!(await holdForLeader(() => faults.leader, clock, random, !old)))
      throw new Refusal(500, 'No cluster leader');
  };

  const answered = async (read: Read, question: Question): Promise<Reply> => {
    const waiting = waitingOf(question);
    const stale = staleOf(question);
    const streams = read.streams === true && waiting.index > 0;
    if (!stale && !streams) await led();
    await untilChanged({ ...read, streams }, waiting, { indexes, clock, random, signal: question.signal });
    const index = read.shownIndex?.() ?? String(Math.max(1, read.index()));
    const reply = read.reply();
    if (read.saysIndexOnly) return { ...reply, headers: { 'X-Consul-Index': index, ...policy } };
    return {
      ...reply,
      headers: {
        ...(read.saysConsistency !== false && {
          'X-Consul-Effective-Consistency': consistency(question, stale),
        }),
        'X-Consul-Index': index,
        // What a change feed answers does not know.
        'X-Consul-KnownLeader': String(faults.leader && !streams),
        'X-Consul-LastContact':
          faults.leader || streams ? '0' : String(Math.round(clock.now() - faults.lostAt)),
        ...backend,
        ...(streams && { 'X-Consul-Query-Backend': 'streaming' }),
        ...policy,
        ...reply.headers,
      },
    };
  };

  /** Consul sends them with errors, too, where a query got as far as a server. */
  const errorHeaders = ({ path, method }: Question): Record<string, string> => {
    const asked = /^\/v1\/(catalog|health|session)\//.test(path) && method === 'GET';
    if (!asked || (!old && path.startsWith('/v1/health/service/'))) return {};
    return {
      'X-Consul-Index': '1',
      'X-Consul-KnownLeader': 'false',
      'X-Consul-LastContact': '0',
      ...backend,
    };
  };

  return async (question) => {
    const route = routeOf(routes, question.path);
    if (route === undefined) return old ? { status: 404 } : notFound(question.path);
    question.rest = route.rest;
    try {
      const handler = handlerOf(route, question.method);
      const standing = admit(question, context);
      if (writesToServers(question)) await led();
      const found = await handler(question);
      const answer = standing === 'anonymous' ? emptied(found) : found;
      if (isRead(answer)) return await answered(answer, question);
      const { headers, status, ...content } = answer;
      const bare = !old && status === undefined && Object.keys(content).length === 0;
      const type = bare ? { 'Content-Type': 'application/json; charset=utf-8' } : {};
      return { ...answer, headers: { ...type, ...policy, ...headers } };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, message, headers } = error;
      const more = status === 400 || status === 405 ? {} : errorHeaders(question);
      return { status, text: message, headers: { ...more, ...policy, ...headers } };
    }
  };
}

function writesToServers({ path, method }: Question): boolean {
  return method !== 'GET' && /^\/v1\/(kv|session|catalog|event)\//.test(path);
}

function staleOf(question: Question): boolean {
  const stale = question.has('stale');
  if (stale && question.has('consistent'))
    throw new Refusal(400, 'Cannot specify ?stale with ?consistent, conflicting semantics.');
  return stale;
}

function consistency(question: Question, stale: boolean): string {
  if (stale) return 'stale';
  return question.has('consistent') ? 'consistent' : 'leader';
}

function notFound(path: string): Reply {
  const text = path.startsWith('/v1/')
    ? 'Invalid URL path: not a recognized HTTP API endpoint\n'
    : "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n";
  return { status: 404, text };
}
