/**
 * A question → bytes, and whether other bytes answer it. Pure.
 *
 * dns-packet does the encoding. Two things are done on the raw bytes because it cannot: the question's letters are sent in random
 * case, and it is compared byte for byte (dns-packet shows a dot inside a label and two labels alike).
 */

import dnsPacket from 'dns-packet';

/** An OPT record without options: root name, type, size, flags, length. */
const optLength = 11;

export type QuestionType = 'SRV' | 'A' | 'AAAA' | 'NS';

/** A question, ready to be sent: 12 bytes of header, the question section, mostly an OPT record (EDNS0, RFC 6891). */
export interface Query {
  readonly id: number;
  readonly bytes: Buffer;
  /** Where the question section ends; a reply must repeat `bytes[12…questionEnd]`. */
  readonly questionEnd: number;
}

/**
 * @param name checked by name.ts.
 * @param ednsSize the UDP size to advertise, 512…65535; `undefined`: no OPT.
 * @param random at least 1 byte per 8 letters of the name, unpredictable: the case of the letters (draft-vixie-dnsext-dns0x20)
 *   and `id` make a reply hard to forge.
 */
export function encodeQuery(
  name: string,
  type: QuestionType,
  id: number,
  ednsSize: number | undefined,
  random: Buffer,
): Query {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: ednsSize, flags: 0, options: [] };
  const hasOpt = ednsSize !== undefined;
  const questionEnd = 12 + name.length + 2 + 4;
  const packet: dnsPacket.Packet = {
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    // The types ask for the fields of a received OPT too.
    additionals: hasOpt ? [opt as unknown as Extract<dnsPacket.Answer, { type: 'OPT' }>] : [],
  };
  // Into a buffer of the right size: dns-packet's own way is to fill 8 KiB and copy.
  const bytes = dnsPacket.encode(packet, Buffer.alloc(questionEnd + (hasOpt ? optLength : 0)));
  let letter = 0;
  for (let at = 12; at < questionEnd - 4; at++) {
    const byte = bytes[at]!;
    const isLetter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    // A length byte is at most 63 and letters start at 65, so lengths are never touched.
    if (!isLetter) continue;
    const upper = ((random[(letter >> 3) % random.length]! >> (letter & 7)) & 1) === 1;
    bytes[at] = upper ? byte & ~0x20 : byte | 0x20;
    letter++;
  }
  return { id, bytes, questionEnd };
}

/** Id of a message, or `undefined` where it cannot be a reply at all. */
export function replyId(message: Buffer): number | undefined {
  if (message.length < 12 || (message[2]! & 0x80) === 0) return undefined;
  return message.readUInt16BE(0);
}

/** True when the message repeats exactly our question, letter case included. */
export function answersQuestion(message: Buffer, query: Query): boolean {
  if (message.length < query.questionEnd || message.readUInt16BE(4) !== 1) return false;
  return message.compare(query.bytes, 12, query.questionEnd, 12, query.questionEnd) === 0;
}

/** True when the message repeats our question, in whatever letter case. */
export function answersQuestionInAnyCase(message: Buffer, query: Query): boolean {
  if (message.length < query.questionEnd || message.readUInt16BE(4) !== 1) return false;
  const nameEnd = query.questionEnd - 4;
  for (let at = 12; at < nameEnd; at++)
    if (lowerCase(message[at]!) !== lowerCase(query.bytes[at]!)) return false;
  return message.compare(query.bytes, nameEnd, query.questionEnd, nameEnd, query.questionEnd) === 0;
}

/** A bare header with an error: Consul's answer to what it cannot parse (FORMERR) or does not do (NOTIMP). Anybody could forge it. */
export function isErrorHeader(message: Buffer): boolean {
  return message.length === 12 && message.readUInt16BE(4) === 0 && (message[3]! & 15) !== 0;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
