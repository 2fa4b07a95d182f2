/** Replies for tests, made of the bytes of the question they answer. */
import { readQuery } from '../../src/testing/query.ts';
import { type DnsRecord, encodeMessage, TYPES } from '../../src/testing/wire.ts';

export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** The question's section, as spelt. */
export function asked(question: Buffer): {
  id: number;
  name: string;
  type: number;
  edns: number | undefined;
} {
  const query = readQuery(question);
  if (query === undefined || 'refusal' in query) throw new Error('that is no question');
  return query;
}

/** One SRV with its address; `port` tells replies apart. */
export function answerTo(question: Buffer, port = 8_001, extra: readonly DnsRecord[] = []): Buffer {
  const target = '0a000001.addr.dc1.consul';
  const { name } = asked(question);
  return replyTo(question, {
    answers: [{ name, ttl: 0, type: 'SRV', priority: 1, weight: 1, port, target }],
    additionals: [{ name: target, ttl: 0, type: 'A', address: '10.0.0.1' }, ...extra],
  });
}

export interface ReplyParts {
  rcode?: keyof typeof rcodes;
  truncated?: boolean;
  answers?: readonly DnsRecord[];
  additionals?: readonly DnsRecord[];
  /** In place of what was asked. */
  name?: string;
  type?: number;
  id?: number;
}

export function replyTo(question: Buffer, parts: ReplyParts = {}): Buffer {
  const query = asked(question);
  return encodeMessage({
    id: parts.id ?? query.id,
    flags: 0x8500 | (parts.truncated ? 0x0200 : 0) | rcodes[parts.rcode ?? 'NOERROR'],
    question: { name: parts.name ?? query.name, type: parts.type ?? query.type, class: 1 },
    answers: parts.answers ?? [],
    authorities: [],
    additionals: parts.additionals ?? [],
  });
}

/** 12 bytes: an error that repeats nothing of the question but its id (F5.15, F5.16). */
export function bareHeader(question: Buffer, rcode: keyof typeof rcodes): Buffer {
  const header = Buffer.alloc(12);
  question.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8000 | rcodes[rcode], 2);
  return header;
}

/** What an attacker sends: an answer to that question that names a machine of his, 192.0.2.66:66. */
export function forgery(question: Buffer, wrong: { id?: number; name?: string; type?: number } = {}): Buffer {
  const query = { ...asked(question), ...wrong };
  const target = 'c0000242.addr.dc1.consul';
  const answers: DnsRecord[] =
    query.type === TYPES.SRV
      ? [{ name: query.name, ttl: 0, type: 'SRV', priority: 1, weight: 1, port: 66, target }]
      : [{ name: query.name, ttl: 0, type: 'A', address: '192.0.2.66' }];
  return replyTo(question, {
    ...wrong,
    answers,
    additionals: [{ name: target, ttl: 0, type: 'A', address: '192.0.2.66' }],
  });
}

/** The other case in the letter at `index` of the name. */
export function respelt(name: string, index = 0): string {
  const letters = [...name];
  const at = letters.flatMap((letter, i) => (/[a-z]/i.test(letter) ? [i] : []))[index]!;
  const letter = letters[at]!;
  letters[at] = letter < 'a' ? letter.toLowerCase() : letter.toUpperCase();
  return letters.join('');
}
