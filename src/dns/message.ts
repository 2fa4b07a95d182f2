/**
 * Bytes ⇄ typed values. Pure: no sockets, no time.
 *
 * dns-packet does the encoding and decoding. Two things are done on the raw bytes because it cannot: the question is compared
 * byte for byte (dns-packet shows a dot inside a label and two labels alike), and its letters are sent in random case.
 */

import dnsPacket, { type Packet } from 'dns-packet';
import { ipText } from '../ip.ts';

export type QuestionType = 'SRV' | 'A' | 'AAAA';

/** A question, ready to be sent: 12 bytes of header, the question section, an OPT record (EDNS0, RFC 6891). */
export interface Query {
  readonly id: number;
  readonly bytes: Buffer;
  /** Where the question section ends; a reply must repeat `bytes[12…questionEnd]`. */
  readonly questionEnd: number;
}

export interface SrvRecord {
  readonly type: 'SRV';
  readonly name: string;
  readonly ttl: number;
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

export interface AddressRecord {
  readonly type: 'A' | 'AAAA';
  readonly name: string;
  readonly ttl: number;
  readonly host: string;
}

export interface CnameRecord {
  readonly type: 'CNAME';
  readonly name: string;
  readonly ttl: number;
  readonly target: string;
}

export type DnsRecord = SrvRecord | AddressRecord | CnameRecord;

/** A decoded reply. Names are lower-cased and have no final dot; TTLs are seconds, as sent. */
export interface DnsReply {
  readonly rcode: string;
  readonly truncated: boolean;
  /** Records of the answer section that matter here (SRV, A, AAAA, CNAME). */
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Records of any type in the additional section, OPT left out; and how many of them are TXT. */
  readonly additionalCount: number;
  readonly textCount: number;
  readonly hasOpt: boolean;
  /** Size on the wire. */
  readonly size: number;
}

/**
 * @param name checked by name.ts.
 * @param ednsSize the UDP size to advertise, 512…65535.
 * @param random at least 1 byte per 8 letters of the name, unpredictable: the case of the letters (draft-vixie-dnsext-dns0x20)
 *   and `id` make a reply hard to forge.
 */
export function encodeQuery(
  name: string,
  type: QuestionType,
  id: number,
  ednsSize: number,
  random: Buffer,
): Query {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: ednsSize, flags: 0, options: [] };
  const bytes = dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type, class: 'IN' }],
    // The types ask for the fields of a received OPT too.
    additionals: [opt as unknown as Extract<dnsPacket.Answer, { type: 'OPT' }>],
  });
  const questionEnd = 12 + name.length + 2 + 4;
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

/** Decodes a reply that was matched to its question; `undefined` where the bytes are not a well-formed message. */
export function decodeReply(message: Buffer): DnsReply | undefined {
  let packet: dnsPacket.DecodedPacket & { rcode?: string };
  try {
    packet = dnsPacket.decode(message);
  } catch {
    return undefined;
  }
  // dns-packet reads a last record that was cut off as if it went on.
  if (dnsPacket.decode.bytes > message.length) return undefined;
  const additionals = packet.additionals ?? [];
  let additionalCount = 0;
  let textCount = 0;
  for (const record of additionals) {
    if (record.type !== 'OPT') additionalCount++;
    if (record.type === 'TXT') textCount++;
  }
  return {
    // dns-packet names 3 "NXDOMAIN" and unknown codes "RCODE_n".
    rcode: packet.rcode ?? 'NOERROR',
    truncated: packet.flag_tc === true,
    answers: relevant(packet.answers ?? []),
    additionals: relevant(additionals),
    additionalCount,
    textCount,
    hasOpt: additionalCount < additionals.length,
    size: message.length,
  };
}

function relevant(records: NonNullable<Packet['answers']>): DnsRecord[] {
  const kept: DnsRecord[] = [];
  for (const record of records) {
    const name = record.name.toLowerCase();
    if (record.type === 'SRV') {
      const { priority = 0, weight = 0, port, target } = record.data;
      kept.push({
        type: 'SRV',
        name,
        ttl: record.ttl ?? 0,
        priority,
        weight,
        port,
        target: target.toLowerCase(),
      });
    } else if (record.type === 'A' || record.type === 'AAAA') {
      kept.push({ type: record.type, name, ttl: record.ttl ?? 0, host: ipText(record.data) });
    } else if (record.type === 'CNAME') {
      kept.push({ type: 'CNAME', name, ttl: record.ttl ?? 0, target: record.data.toLowerCase() });
    }
  }
  return kept;
}
