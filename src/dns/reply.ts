/**
 * A reply's bytes → what matters of it. Pure.
 *
 * The sections are walked here and only the records of use are decoded: half of a Consul reply is node metadata (TXT), of which only the
 * number matters. Work and memory are bounded by the size of the message, whatever its counts and names claim.
 */
import { ipText } from '../ip.ts';
import { Malformed, pointerAt, readName, skipName } from './wire-name.ts';

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
  /** `NOERROR`, `NXDOMAIN`, …, `RCODE_n` for an unknown one. */
  readonly rcode: string;
  readonly truncated: boolean;
  /** Records of the answer section that matter here (SRV, A, AAAA, CNAME). */
  readonly answers: readonly DnsRecord[];
  /** Records of any type in the answer section. */
  readonly answerCount: number;
  readonly additionals: readonly DnsRecord[];
  /** Records of any type in the additional section, OPT left out; and how many of them are TXT. */
  readonly additionalCount: number;
  readonly textCount: number;
  readonly hasOpt: boolean;
  /** Size on the wire. */
  readonly size: number;
}

const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Decodes a reply that was matched to its question; `undefined` where the bytes are not a well-formed message. */
export function decodeReply(message: Buffer): DnsReply | undefined {
  try {
    return new ReplyReader(message).read();
  } catch {
    return undefined;
  }
}

class ReplyReader {
  readonly #message: Buffer;
  #at = 12;
  /** Names by where they stand: owners are mostly pointers to names that were read before. */
  readonly #names = new Map<number, string>();
  #text = 0;
  #opt = 0;
  /** The bits of the rcode that stand in the OPT (RFC 6891, 6.1.3). */
  #extendedRcode = 0;

  constructor(message: Buffer) {
    this.#message = message;
  }

  read(): DnsReply {
    const message = this.#message;
    const flags = message.readUInt16BE(2);
    const answerCount = message.readUInt16BE(6);
    const additionalCount = message.readUInt16BE(10);
    for (let left = message.readUInt16BE(4); left > 0; left--) {
      this.#skipName();
      this.#at += 4;
    }
    const answers = this.#section(answerCount);
    this.#section(message.readUInt16BE(8));
    this.#text = 0;
    this.#opt = 0;
    this.#extendedRcode = 0;
    const additionals = this.#section(additionalCount);
    if (this.#at > message.length) throw new Malformed('a question goes beyond the message');
    const rcode = (this.#extendedRcode << 4) | (flags & 15);
    return {
      rcode: rcodes[rcode] ?? `RCODE_${rcode}`,
      truncated: (flags & 0x0200) !== 0,
      answers,
      answerCount,
      additionals,
      additionalCount: additionalCount - this.#opt,
      textCount: this.#text,
      hasOpt: this.#opt > 0,
      size: message.length,
    };
  }

  #section(count: number): DnsRecord[] {
    const records: DnsRecord[] = [];
    for (let left = count; left > 0; left--) {
      const record = this.#record();
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  #record(): DnsRecord | undefined {
    const message = this.#message;
    const owner = this.#at;
    this.#skipName();
    const at = this.#at;
    const type = message.readUInt16BE(at);
    const ttl = message.readUInt32BE(at + 4);
    const data = at + 10;
    const end = data + message.readUInt16BE(at + 8);
    if (end > message.length) throw new Malformed('a record goes beyond the message');
    this.#at = end;
    switch (type) {
      case 1:
        if (end - data !== 4) throw new Malformed('an A record without 4 bytes');
        return { type: 'A', name: this.#name(owner), ttl, host: ipv4Text(message, data) };
      case 28:
        if (end - data !== 16) throw new Malformed('an AAAA record without 16 bytes');
        return { type: 'AAAA', name: this.#name(owner), ttl, host: ipv6Text(message, data) };
      case 5:
        this.#mustEnd(data, end);
        return { type: 'CNAME', name: this.#name(owner), ttl, target: this.#name(data) };
      case 33:
        this.#mustEnd(data + 6, end);
        return {
          type: 'SRV',
          name: this.#name(owner),
          ttl,
          priority: message.readUInt16BE(data),
          weight: message.readUInt16BE(data + 2),
          port: message.readUInt16BE(data + 4),
          target: this.#name(data + 6),
        };
      case 16:
        this.#text++;
        return undefined;
      case 41:
        this.#opt++;
        this.#extendedRcode = ttl >>> 24;
        return undefined;
      default:
        return undefined;
    }
  }

  /** Data whose name is longer or shorter than it says would be read differently by others. */
  #mustEnd(name: number, end: number): void {
    if (skipName(this.#message, name) !== end) throw new Malformed('a name that does not fill its record');
  }

  #name(at: number): string {
    const message = this.#message;
    const place = message[at]! >= 0xc0 ? pointerAt(message, at) : at;
    const known = this.#names.get(place);
    if (known !== undefined) return known;
    // From where the pointer stands, so that it is seen to point backwards.
    const name = readName(message, at);
    this.#names.set(place, name);
    return name;
  }

  #skipName(): void {
    this.#at = skipName(this.#message, this.#at);
  }
}

function ipv4Text(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

function ipv6Text(bytes: Buffer, at: number): string {
  return ipText(bytes.toString('hex', at, at + 16).replace(/(.{4})(?!$)/g, '$1:'));
}
