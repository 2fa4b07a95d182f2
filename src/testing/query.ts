/**
 * What a client asked, read the way Consul's DNS library reads it.
 *
 * Read by hand and not with dns-packet, which takes a dot inside a label for the border of two labels.
 */
export interface Query {
  id: number;
  /** The request's flag word; RD, CD and the opcode go back to the client. */
  flags: number;
  /** As spelt, letter case included; a dot inside a label is escaped by a backslash. */
  name: string;
  type: number;
  class: number;
  /** The UDP size of the question's OPT record; undefined without one. */
  edns: number | undefined;
}

/** A query; or the whole answer to what cannot be understood, mostly just a header (F5.15, F5.16). */
export type Received = Query | { refusal: Buffer };

const FORMERR = 1;
const NOTIMP = 4;
const OPT = 41;

/** undefined for what gets no reply at all: less than a header, or a reply instead of a question (F5.17). */
export function readQuery(request: Buffer): Received | undefined {
  if (request.length < 12) return undefined;
  const id = request.readUInt16BE(0);
  const flags = request.readUInt16BE(2);
  if (flags & 0x8000) return undefined;
  const opcode = (flags >> 11) & 0xf;
  const refuse = (rcode: number, question?: Buffer): Received => ({
    refusal: bare(id, flags, rcode, question),
  });
  // NOTIFY is answered like a query (F8.6).
  if (opcode !== 0 && opcode !== 4) return refuse(NOTIMP);
  if (request.readUInt16BE(4) !== 1) return refuse(FORMERR);
  let question: Buffer | undefined;
  try {
    const [name, afterName] = readName(request, 12);
    const type = request.readUInt16BE(afterName);
    const klass = request.readUInt16BE(afterName + 2);
    question = request.subarray(12, afterName + 4);
    return { id, flags, name, type, class: klass, edns: readEdns(request, afterName + 4) };
  } catch {
    // Where only what follows the question is broken, the question is given back.
    return refuse(FORMERR, question);
  }
}

/** A header that refuses, and behind it the question or not; `question` is bytes of the request. */
export function bare(id: number, flags: number, rcode: number, question: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x8000 | (flags & 0x7900) | rcode, 2);
  header.writeUInt16BE(question.length > 0 ? 1 : 0, 4);
  return Buffer.concat([header, question]);
}

/** The labels at `at` as one name, and the offset behind them. */
function readName(request: Buffer, at: number): [name: string, next: number] {
  const labels: string[] = [];
  let offset = at;
  for (let jumped = 0, next = -1; ; ) {
    const length = request.readUInt8(offset);
    if (length >= 0xc0) {
      if (++jumped > 10) throw new RangeError('pointer loop');
      if (next < 0) next = offset + 2;
      offset = request.readUInt16BE(offset) & 0x3fff;
      continue;
    }
    if (length > 63 || offset + 1 + length > request.length) throw new RangeError('illegal label');
    if (length === 0) return [labels.join('.'), next < 0 ? offset + 1 : next];
    const label = request.toString('latin1', offset + 1, offset + 1 + length);
    labels.push(label.replace(/[.\\]/g, '\\$&'));
    offset += 1 + length;
  }
}

/** Walks over whatever records follow the question and stops at the first OPT. */
function readEdns(request: Buffer, at: number): number | undefined {
  const records = request.readUInt16BE(6) + request.readUInt16BE(8) + request.readUInt16BE(10);
  let offset = at;
  for (let index = 0; index < records; index++) {
    const [, header] = readName(request, offset);
    offset = header + 10 + request.readUInt16BE(header + 8);
    if (offset > request.length) throw new RangeError('cut record');
    if (request.readUInt16BE(header) === OPT) return request.readUInt16BE(header + 2);
  }
  return undefined;
}
