import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import type { Entry, Write } from './key-values.ts';
import { type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';
import type { Routes } from './router.ts';
import { knownSession } from './session-endpoints.ts';

const LONGEST_VALUE = 512 * 1_024;

/** /v1/kv */
export function kvRoutes(context: Context): Routes {
  const { stores, old } = context;
  const storeOf = (question: Question) => stores.of(datacenterOf(question, context));

  const get = (question: Question): Read | Reply => {
    const { keyValues } = storeOf(question);
    const key = question.rest;
    // Of the keys of the whole store an empty list is one, too.
    const missing: Reply = key === '' && question.has('keys') ? { json: [] } : { status: 404 };
    const found = (
      entries: () => Entry[],
      index: () => number,
      shown: (entries: Entry[]) => Reply,
    ): Read => ({
      index,
      saysConsistency: false,
      reply: () => {
        const all = entries();
        return all.length === 0 ? missing : shown(all);
      },
    });
    const below = () => keyValues.list(key);
    const indexBelow = () => keyValues.prefixIndex(key);
    if (question.has('keys')) {
      const separator = question.value('separator');
      return found(below, indexBelow, (entries) => ({ json: keysUpTo(entries, key, separator) }));
    }
    if (question.has('recurse')) return found(below, indexBelow, shownAll);
    if (key === '') throw new Refusal(400, 'Missing key name');
    const own = () => {
      const entry = keyValues.get(key);
      return entry === undefined ? [] : [entry];
    };
    const shown = question.has('raw') ? ([entry]: Entry[]) => raw(entry!, old) : shownAll;
    return {
      ...found(own, () => keyValues.index(key), shown),
      absent: () => keyValues.get(key) === undefined,
    };
  };

  const put = (question: Question): Reply => {
    conflicting(question, ['cas', 'acquire', 'release'], old);
    const { rest: key, body } = question;
    if (key === '') throw new Refusal(400, 'Missing key name');
    const flags = question.value('flags') === '' ? 0n : unsigned(question.value('flags'));
    const cas = question.has('cas') ? unsigned(question.value('cas')) : undefined;
    const { keyValues, sessions } = storeOf(question);
    if (body.length > LONGEST_VALUE) throw tooLarge(body.length, old);
    const write: Write = { key, value: body, flags };
    if (cas !== undefined) return { json: keyValues.compareAndSet(write, Number(cas)) };
    if (question.has('acquire')) {
      const session = question.value('acquire');
      if (keyValues.isDelayed(key)) return { json: false };
      if (knownSession(sessions, session, old) === undefined)
        throw new Refusal(
          500,
          `${old ? '' : 'raft apply failed: '}invalid session ${JSON.stringify(session)}`,
        );
      return { json: keyValues.acquire(write, session) };
    }
    if (question.has('release')) return { json: keyValues.release(write, question.value('release')) };
    keyValues.set(write);
    return { json: true };
  };

  const remove = (question: Question): Reply => {
    conflicting(question, ['recurse', 'cas'], old);
    const { rest: key } = question;
    const { keyValues } = storeOf(question);
    if (question.has('recurse')) {
      keyValues.deleteTree(key);
      return { json: true };
    }
    if (key === '') throw new Refusal(400, 'Missing key name');
    if (question.has('cas'))
      return { json: keyValues.compareAndDelete(key, Number(unsigned(question.value('cas')))) };
    keyValues.delete(key);
    return { json: true };
  };

  return { '/v1/kv/': { GET: get, PUT: put, DELETE: remove } };
}

/** Flags go up to 2⁶⁴ − 1, which a number of JavaScript does not hold. */
function shownAll(entries: Entry[]): Reply {
  const all = entries.map(({ key, value, flags, lockIndex, session, createIndex, modifyIndex }) => ({
    LockIndex: lockIndex,
    Key: key,
    Flags: String(flags),
    Value: value.length === 0 ? null : value.toString('base64'),
    ...(session !== '' && { Session: session }),
    CreateIndex: createIndex,
    ModifyIndex: modifyIndex,
  }));
  // Within a key the quotes are escaped, so that this finds nothing there.
  const text = JSON.stringify(all).replaceAll(/"Flags":"(\d+)"/g, '"Flags":$1');
  return { bytes: Buffer.from(text), headers: { 'Content-Type': 'application/json' } };
}

function raw({ value }: Entry, old: boolean): Reply {
  return {
    bytes: value,
    headers: {
      'Content-Type': old ? 'text/plain' : 'text/plain; charset=utf-8',
      'Content-Security-Policy': 'sandbox',
      'X-Content-Type-Options': 'nosniff',
    },
  };
}

/** Each key up to the first separator after the prefix, once. */
function keysUpTo(entries: Entry[], prefix: string, separator: string): string[] {
  if (separator === '') return entries.map(({ key }) => key);
  const cut = ({ key }: Entry) => {
    const at = key.indexOf(separator, prefix.length);
    return at < 0 ? key : key.slice(0, at + separator.length);
  };
  return [...new Set(entries.map(cut))];
}

function conflicting({ query }: Question, exclusive: string[], old: boolean): void {
  if (exclusive.filter((name) => query.has(name)).length < 2) return;
  const sorted = new URLSearchParams(query);
  sorted.sort();
  throw new Refusal(400, `Conflicting flags: ${sorted}${old ? '' : '\n'}`);
}

function unsigned(text: string): bigint {
  const failed = (why: string) =>
    new Refusal(500, `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^\d+$/.test(text)) throw failed('invalid syntax');
  const value = BigInt(text);
  if (value >= 2n ** 64n) throw failed('value out of range');
  return value;
}

function tooLarge(bytes: number, old: boolean): Refusal {
  const text = old
    ? `Request body(${bytes} bytes) too large, max size: ${LONGEST_VALUE} bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size.`
    : `Request body(${bytes} bytes) too large, max size: ${LONGEST_VALUE} bytes. See https://developer.hashicorp.com/docs/agent/config/config-files#kv_max_value_size.`;
  return new Refusal(413, text);
}
