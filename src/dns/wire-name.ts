/**
 * Domain names in a message (RFC 1035, 4.1.4). Pure.
 *
 * Not dns-packet's, which sets no limit to the jumps of one name: a reply of 64 KiB, whose names lead through thousands of pointers
 * each, held the event loop for 180 ms.
 */

/** The bytes are no DNS message. */
export class Malformed extends Error {}

/** As in the library Consul is made with; real names need a handful. */
const mostJumps = 126;
/** Labels and their length bytes, without the root's. */
const longestName = 254;

/** Where a name is put together, so that it becomes text once and not label by label: half of the decoding time of a large reply. */
const assembly = Buffer.allocUnsafe(longestName + 1);

/** The name at `at` as text, lower-cased, without a final dot; '' for the root. */
export function readName(message: Buffer, at: number): string {
  let length = 0;
  let bits = 0;
  let jumps = 0;
  /** Pointers lead to what stands before everything this name has been read from, so it must end. */
  let start = at;
  for (let next = at; ; ) {
    const first = message[next];
    if (first === undefined) throw new Malformed('a name goes beyond the message');
    if (first === 0) return textOf(length, bits);
    if (first < 64) {
      const end = next + 1 + first;
      if (end > message.length) throw new Malformed('a label goes beyond the message');
      if (length + first + 1 > longestName) throw new Malformed('a name of more than 255 bytes');
      for (let place = next + 1; place < end; place++) {
        const byte = message[place]!;
        bits |= byte;
        assembly[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
      }
      assembly[length++] = 0x2e;
      next = end;
      continue;
    }
    const place = pointerAt(message, next);
    if (place >= start) throw new Malformed('a name that points forwards or to itself');
    if (++jumps > mostJumps) throw new Malformed('a name of too many pointers');
    start = place;
    next = place;
  }
}

/** Of the assembled bytes, without the final dot. */
function textOf(length: number, bits: number): string {
  if (length === 0) return '';
  if (bits < 0x80) return assembly.toString('latin1', 0, length - 1);
  return assembly.toString('utf8', 0, length - 1).toLowerCase();
}

/** Where the name at `at` ends. */
export function skipName(message: Buffer, at: number): number {
  for (let next = at; ; ) {
    const length = message[next];
    if (length === undefined) throw new Malformed('a name goes beyond the message');
    if (length === 0) return next + 1;
    if (length >= 0xc0) return next + 2;
    if (length > 63) throw new Malformed('a label of a kind that does not exist');
    next += length + 1;
  }
}

/** Where the pointer at `at` leads to. */
export function pointerAt(message: Buffer, at: number): number {
  const low = message[at + 1];
  if (low === undefined) throw new Malformed('a pointer goes beyond the message');
  const high = message[at]!;
  if (high < 0xc0) throw new Malformed('a label of a kind that does not exist');
  return ((high & 0x3f) << 8) | low;
}
