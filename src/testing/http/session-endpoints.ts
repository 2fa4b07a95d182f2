import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import { parseDuration } from './durations.ts';
import { decoded } from './json-body.ts';
import { type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';
import type { Routes } from './router.ts';
import { checkOn, type Session, type Sessions } from './sessions.ts';
import { uuid } from './uuid.ts';

const SHORTEST_TTL = 10_000;
const LONGEST_TTL = 86_400_000;
const DEFAULT_LOCK_DELAY = 15_000;
/** A lock delay below this is in seconds, not in nanoseconds. */
const SECONDS_BELOW = 1_000;

interface Given {
  ID?: string;
  Name?: string;
  Node?: string;
  Checks?: string[];
  NodeChecks?: string[];
  ServiceChecks?: { ID?: string; Namespace?: string }[];
  LockDelay?: string | number;
  Behavior?: string;
  TTL?: string;
}

/** /v1/session */
export function sessionRoutes(context: Context): Routes {
  const { stores, old } = context;
  const sessionsOf = (question: Question) => stores.of(datacenterOf(question, context)).sessions;
  const needed = (question: Question) => {
    if (question.rest === '') throw new Refusal(400, 'Missing session');
    return question.rest;
  };
  const read = (sessions: Sessions, found: () => Session[]): Read => ({
    index: () => sessions.index(),
    fingerprint: () => JSON.stringify(found().map(shown)),
    saysConsistency: false,
    reply: () => ({ json: found().map(shown) }),
  });

  return {
    '/v1/session/create': {
      PUT: (question) => {
        const sessions = sessionsOf(question);
        return { json: { ID: create(question, context, sessions).id } };
      },
    },
    '/v1/session/destroy/': {
      PUT: (question): Reply => {
        const sessions = sessionsOf(question);
        const session = knownSession(sessions, needed(question), old);
        if (session !== undefined) sessions.destroy(session.id);
        return { json: true };
      },
    },
    '/v1/session/renew/': {
      PUT: (question): Reply => {
        const sessions = sessionsOf(question);
        const id = needed(question);
        knownSession(sessions, id, old);
        const session = sessions.renew(id);
        if (session === undefined) throw new Refusal(404, `Session id '${id}' not found`);
        return { json: [shown(session)] };
      },
    },
    '/v1/session/info/': {
      GET: (question) => {
        const sessions = sessionsOf(question);
        const id = needed(question);
        knownSession(sessions, id, old);
        return read(sessions, () => listOf(sessions.get(id)));
      },
    },
    '/v1/session/list': {
      GET: (question) => {
        const sessions = sessionsOf(question);
        return read(sessions, () => sessions.list());
      },
    },
    '/v1/session/node/': {
      GET: (question) => {
        const sessions = sessionsOf(question);
        if (question.rest === '') throw new Refusal(400, 'Missing node name');
        return read(sessions, () =>
          sessions.list().filter(({ node }) => node.name.toLowerCase() === question.rest.toLowerCase()),
        );
      },
    },
  };
}

/** @throws Refusal 500: 1.8.7 looks up nothing but ids in the right form. */
export function knownSession(sessions: Sessions, id: string, old: boolean): Session | undefined {
  if (old && id.length !== 36)
    throw new Refusal(500, 'failed session lookup: index error: UUID must be 36 characters');
  return sessions.get(id);
}

function create(question: Question, context: Context, sessions: Sessions): Session {
  const { catalogue, settings, random, old } = context;
  const given: Given =
    question.body.length === 0 ? {} : (decoded(question.body, FIELDS, { strict: false }) as Given);
  const { Name = '', Behavior = '', TTL = '', NodeChecks, Checks, ServiceChecks } = given;
  const failed = (what: string) => new Refusal(500, `${old ? '' : 'apply failed: '}${what}`);
  const lockDelay = delayOf(given.LockDelay);
  const ttlMs = ttlOf(TTL);
  if (Behavior !== '' && Behavior !== 'release' && Behavior !== 'delete')
    throw new Refusal(500, `Invalid Behavior setting '${Behavior}'`);
  const datacenter = question.value('dc') || settings.datacenter;
  const node = catalogue.node(given.Node || catalogue.ownNode.name, datacenter);
  if (node === undefined) throw failed('Missing node registration');
  const nodeChecks = NodeChecks ?? Checks ?? ['serfHealth'];
  const serviceChecks = ServiceChecks?.map(({ ID = '' }) => ({ id: ID })) ?? null;
  for (const check of [...nodeChecks, ...(serviceChecks ?? []).map(({ id }) => id)]) {
    const state = checkOn(catalogue, node, check);
    if (state === 'missing') throw failed(`Missing check '${check}' registration`);
    if (state === 'critical') throw failed(`Check '${check}' is in critical state`);
  }
  return sessions.create({
    id: uuid(random),
    name: Name,
    node,
    lockDelay,
    behavior: Behavior === 'delete' ? 'delete' : 'release',
    ttl: TTL,
    ttlMs,
    nodeChecks,
    serviceChecks,
  });
}

const FIELDS = {
  ID: 'string',
  Name: 'string',
  Node: 'string',
  Checks: 'strings',
  NodeChecks: 'strings',
  ServiceChecks: [{ ID: 'string', Namespace: 'string' }],
  LockDelay: 'any',
  Behavior: 'string',
  TTL: 'string',
} as const;

function delayOf(given: string | number | undefined): number {
  if (given === undefined || given === '') return DEFAULT_LOCK_DELAY;
  if (typeof given === 'number') return given < SECONDS_BELOW ? given * 1e3 : given / 1e6;
  const ms = parseDuration(given);
  if (ms === undefined)
    throw new Refusal(400, `Request decode failed: time: invalid duration ${JSON.stringify(given)}`);
  return ms;
}

function ttlOf(text: string): number {
  if (text === '') return 0;
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new Refusal(500, `Session TTL '${text}' invalid: time: invalid duration ${JSON.stringify(text)}`);
  if (ms !== 0 && (ms < SHORTEST_TTL || ms > LONGEST_TTL))
    throw new Refusal(500, `Invalid Session TTL '${ms * 1e6}', must be between [10s=24h0m0s]`);
  return ms;
}

function listOf(session: Session | undefined): Session[] {
  return session === undefined ? [] : [session];
}

function shown(session: Session) {
  return {
    ID: session.id,
    Name: session.name,
    Node: session.node.name,
    LockDelay: session.lockDelay * 1e6,
    Behavior: session.behavior,
    TTL: session.ttl,
    NodeChecks: session.nodeChecks,
    ServiceChecks: session.serviceChecks?.map(({ id }) => ({ ID: id, Namespace: '' })) ?? null,
    CreateIndex: session.createIndex,
    ModifyIndex: session.modifyIndex,
  };
}
