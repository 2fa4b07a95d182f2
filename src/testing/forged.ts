import type { Random } from '../random.ts';
import type { Query } from './query.ts';
import { type DnsRecord, encodeMessage, TYPES } from './wire.ts';

/** No instance of any test has it: whoever uses it has believed a forgery (RFC 5737). */
const FORGED_ADDRESS = '192.0.2.66';
const FORGED_PORT = 66;

/** Packets no decoder can make sense of; all but the first carry the id of the question. */
export function malformed(query: Query, reply: Buffer): Buffer[] {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.id, 0);
  header.writeUInt16BE(0x8400, 2);
  const noise = Buffer.concat([header, Buffer.alloc(40, 0xa5)]);
  noise.writeUInt16BE(0xffff, 6);
  // A name that is a pointer to itself.
  const loop = Buffer.concat([header, Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  loop.writeUInt16BE(1, 4);
  return [Buffer.from([0]), header.subarray(0, 7), noise, loop, reply.subarray(0, reply.length - 1)];
}

/** Well-formed replies to some other question, each with an address that nobody registered: 192.0.2.66, port 66. */
export function foreign(query: Query): Buffer[] {
  const swapped = query.name.replace(/[a-z]/gi, (letter) =>
    letter < 'a' ? letter.toLowerCase() : letter.toUpperCase(),
  );
  const replies = [
    forged({ ...query, id: query.id ^ 0x5555 }),
    forged({ ...query, name: `x${query.name}` }),
    forged({ ...query, type: query.type === TYPES.A ? TYPES.AAAA : TYPES.A }),
  ];
  return swapped === query.name ? replies : [...replies, forged({ ...query, name: swapped })];
}

/** Replies to this very question, but for their ids: what somebody sends who cannot see it. */
export function guesses(query: Query, count: number, random: Random): Buffer[] {
  const model = forged(query);
  return Array.from({ length: count }, () => {
    const guess = Buffer.from(model);
    guess.writeUInt16BE((query.id + 1 + random.below(0xffff)) & 0xffff, 0);
    return guess;
  });
}

/** A reply that matches the question in everything. */
export function forged({ id, name, type, class: klass }: Query): Buffer {
  const target = `c0000242.addr.dc1.${name.slice(name.lastIndexOf('.') + 1)}`;
  const answers: DnsRecord[] =
    type === TYPES.SRV
      ? [{ name, ttl: 0, type: 'SRV', priority: 1, weight: 1, port: FORGED_PORT, target }]
      : [{ name, ttl: 0, type: 'A', address: FORGED_ADDRESS }];
  const additionals: DnsRecord[] =
    type === TYPES.SRV ? [{ name: target, ttl: 0, type: 'A', address: FORGED_ADDRESS }] : [];
  return encodeMessage({
    id,
    flags: 0x8500,
    question: { name, type, class: klass },
    answers,
    authorities: [],
    additionals,
  });
}

/** Additional records that are no answer's business, inside and outside of the domain. */
export function unrelatedRecords({ name }: Query): DnsRecord[] {
  const domain = name.slice(name.lastIndexOf('.') + 1);
  const names = [`other.node.dc1.${domain}`, `c0000242.addr.dc1.${domain}`, 'www.example.com', name];
  return [
    ...names.map((owner): DnsRecord => ({ name: owner, ttl: 0, type: 'A', address: FORGED_ADDRESS })),
    { name: `other.node.dc1.${domain}`, ttl: 0, type: 'AAAA', address: '2001:db8::66' },
    { name: `other.node.dc1.${domain}`, ttl: 0, type: 'TXT', text: 'rack=elsewhere' },
  ];
}
