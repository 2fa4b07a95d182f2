import type { Context } from './context.ts';
import { isRead, type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';

/** Who asks, as far as a token says. */
export type Standing = 'full' | 'anonymous' | 'unknown';

export function standingOf(question: Question, { token, access }: Context): Standing {
  if (question.token !== '') return token === undefined || question.token === token ? 'full' : 'unknown';
  if (token !== undefined) return 'anonymous';
  // The agent's own token stands in.
  return { allow: 'full', deny: 'anonymous', 'unknown-token': 'unknown' }[access.acl] as Standing;
}

/** Answered to anybody. */
const OPEN = ['/v1/status/', '/v1/catalog/datacenters'];

/**
 * What may pass; the rest is refused.
 *
 * @throws Refusal 403 in Consul's words.
 */
export function admit(question: Question, context: Context): Standing {
  const standing = standingOf(question, context);
  const { path, method } = question;
  if (standing === 'full' || OPEN.some((open) => path.startsWith(open))) return 'full';
  if (standing === 'unknown')
    throw new Refusal(path.startsWith('/v1/event/fire/') ? 500 : 403, 'ACL not found');
  const missing = missingPermission(question, context);
  if (missing !== undefined) throw denied(missing, context.old);
  if (method !== 'GET') throw new Refusal(403, 'Permission denied');
  return 'anonymous';
}

/** Lists are empty for who may see nothing. */
export function emptied(answer: Reply | Read): Reply | Read {
  if (isRead(answer)) return { ...answer, reply: () => empty(answer.reply()) };
  return empty(answer);
}

function empty(reply: Reply): Reply {
  if (reply.status === 404 || reply.json === undefined) return { status: 404 };
  if (Array.isArray(reply.json)) return { ...reply, json: [] };
  const isNode = typeof reply.json === 'object' && reply.json !== null && 'Node' in reply.json;
  return { ...reply, json: isNode || reply.json === null ? null : {} };
}

interface Permission {
  right: string;
  on: string;
}

/** undefined where the answer is only emptied. */
function missingPermission(question: Question, context: Context): Permission | undefined {
  const { path, rest, method, body } = question;
  const { agent, catalogue } = context;
  const own = catalogue.ownNode.name;
  const below = (prefix: string) => path.startsWith(prefix);
  const service = (id: string) => agent.service(id)?.name ?? id;
  if (path === '/v1/agent/self') return { right: 'agent:read', on: own };
  if (path === '/v1/agent/service/register') return { right: 'service:write', on: named(body, 'Name') };
  if (below('/v1/agent/service/') || below('/v1/agent/health/'))
    return { right: method === 'GET' ? 'service:read' : 'service:write', on: service(rest) };
  if (below('/v1/agent/') && method !== 'GET') return { right: 'node:write', on: own };
  if (below('/v1/kv/')) {
    if (method !== 'GET') return { right: 'key:write', on: rest };
    return question.has('recurse') || question.has('keys') ? undefined : { right: 'key:read', on: rest };
  }
  if (below('/v1/session/') && method !== 'GET') return { right: 'session:write', on: own };
  if (below('/v1/catalog/') && method !== 'GET') return { right: 'node:write', on: named(body, 'Node') };
  return undefined;
}

function denied({ right, on }: Permission, old: boolean): Refusal {
  if (old)
    return new Refusal(
      403,
      right === 'service:write' ? `Permission denied: Missing ${right} on ${on}` : 'Permission denied',
    );
  return new Refusal(
    403,
    `Permission denied: anonymous token lacks permission '${right}' on ${JSON.stringify(on)}. The anonymous token is used implicitly when a request does not specify a token.`,
  );
}

function named(body: Buffer, key: string): string {
  try {
    return String((JSON.parse(body.toString()) as Record<string, unknown>)[key] ?? '');
  } catch {
    return '';
  }
}
