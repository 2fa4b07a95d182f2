import { isIPv4 } from 'node:net';

/**
 * DNS messages as bytes, compressed the way Consul's DNS library does it, so that sizes come out true to the byte.
 *
 * dns-packet compresses differently, and which instances Consul silently leaves out hangs on single bytes
 * (trim.ts): hence an encoder of our own. Names are written without the last dot; '' is the root; a dot or a
 * backslash inside a label is escaped by a backslash.
 */
export interface Message {
  id: number;
  /** The second 16 bits of the header: QR, opcode, AA, TC, RD, RA, AD, CD and rcode. */
  flags: number;
  question?: { name: string; type: number; class: number } | undefined;
  answers: readonly DnsRecord[];
  authorities: readonly DnsRecord[];
  additionals: readonly DnsRecord[];
}

/** A record of one of the types Consul sends; `ttl` in seconds. */
export type DnsRecord = { name: string; ttl: number } & (
  | { type: 'A' | 'AAAA'; address: string }
  | { type: 'CNAME' | 'NS' | 'PTR'; target: string }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: string }
  | { type: 'TXT'; text: string }
  | { type: 'SOA'; mname: string; rname: string; serial: number; timers: SoaTimers }
  | { type: 'OPT'; udpSize: number }
);

/** Refresh, retry, expire and minimum, in seconds. */
export type SoaTimers = readonly [number, number, number, number];

/** Numbers of record types, and of the two that occur in questions only. */
export const TYPES = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  AXFR: 252,
  ANY: 255,
} as const;

/** A compression pointer has 14 bits. */
const POINTER_REACH = 0x4000;

/** The message as sent; throws a RangeError where Consul's library cannot encode it either and stays silent (F12.5). */
export function encodeMessage(message: Message, compress = true): Buffer {
  const writer = new Writer(compress);
  writer.message(message);
  if (writer.overlong) throw new RangeError('a character string of more than 255 bytes');
  if (writer.length > 0xffff) throw new RangeError('a message of more than 65535 bytes');
  return writer.bytes();
}

/** Bytes the message would take; also of one that cannot be sent. */
export function sizeOf(message: Message, compress: boolean): number {
  const writer = new Writer(compress);
  writer.message(message);
  return writer.length;
}

/** Index of the dot that ends the first label, or the length of the name. */
export function firstLabelEnd(name: string): number {
  let at = 0;
  while (at < name.length && name[at] !== '.') at += name[at] === '\\' ? 2 : 1;
  return Math.min(at, name.length);
}

class Writer {
  length = 0;
  overlong = false;
  #buffer = Buffer.allocUnsafe(2048);
  /** Where each name, and each tail of a name, stands. By its exact letters: Consul's library minds the case. */
  #places: Map<string, number> | undefined;

  constructor(compress: boolean) {
    this.#places = compress ? new Map() : undefined;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  message({ id, flags, question, answers, authorities, additionals }: Message): void {
    const counts = [question === undefined ? 0 : 1, answers.length, authorities.length, additionals.length];
    for (const word of [id, flags, ...counts]) this.#u16(word);
    if (question !== undefined) {
      this.#name(question.name, true);
      this.#u16(question.type);
      this.#u16(question.class);
    }
    for (const section of [answers, authorities, additionals]) {
      for (const record of section) this.#record(record);
    }
  }

  #record(record: DnsRecord): void {
    this.#name(record.name, true);
    this.#u16(TYPES[record.type]);
    this.#u16(record.type === 'OPT' ? record.udpSize : 1);
    this.#u32(record.ttl);
    const lengthAt = this.length;
    this.#u16(0);
    this.#data(record);
    this.#buffer.writeUInt16BE((this.length - lengthAt - 2) & 0xffff, lengthAt);
  }

  #data(record: DnsRecord): void {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        for (const byte of addressBytes(record.address)) this.#u8(byte);
        break;
      case 'CNAME':
      case 'NS':
      case 'PTR':
        this.#name(record.target, true);
        break;
      case 'SRV':
        for (const word of [record.priority, record.weight, record.port]) this.#u16(word);
        this.#name(record.target, false);
        break;
      case 'TXT': {
        const text = Buffer.from(record.text);
        if (text.length > 255) this.overlong = true;
        this.#u8(text.length & 0xff);
        for (const byte of text) this.#u8(byte);
        break;
      }
      case 'SOA':
        this.#name(record.mname, true);
        this.#name(record.rname, true);
        for (const word of [record.serial, ...record.timers]) this.#u32(word);
        break;
      case 'OPT':
        break;
    }
  }

  /** A name that may not be shortened itself still serves later names to point to (F4.12). */
  #name(name: string, mayPoint: boolean): void {
    let rest = name;
    while (rest !== '') {
      const place = this.#places?.get(rest);
      if (place !== undefined && mayPoint) {
        this.#u16(0xc000 | place);
        return;
      }
      if (place === undefined && this.length < POINTER_REACH) this.#places?.set(rest, this.length);
      const end = firstLabelEnd(rest);
      const label = Buffer.from(rest.slice(0, end).replace(/\\(.)/gs, '$1'), 'latin1');
      this.#u8(label.length);
      for (const byte of label) this.#u8(byte);
      rest = rest.slice(end + 1);
    }
    this.#u8(0);
  }

  #u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.length++] = value;
  }

  #u16(value: number): void {
    this.#reserve(2);
    this.length = this.#buffer.writeUInt16BE(value, this.length);
  }

  #u32(value: number): void {
    this.#reserve(4);
    this.length = this.#buffer.writeUInt32BE(value, this.length);
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#buffer.length) return;
    this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(this.#buffer.length)]);
  }
}

/** The 4 or 16 bytes of an IP address. */
export function addressBytes(address: string): readonly number[] {
  if (isIPv4(address)) return address.split('.').map(Number);
  // The URL parser writes an IPv6 address in its one canonical form: no dotted quad, no zone.
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string | undefined) =>
    part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const left = groups(head);
  const right = groups(tail);
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]);
}
