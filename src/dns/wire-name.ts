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

/** The name at `at` as text, lower-cased, without a final dot; '' for the root. */
export function readName(message: Buffer, at: number): string {
  let text = '';
  let length = 0;
  let jumps = 0;
  /** Pointers lead to what stands before everything this name has been read from, so it must end. */
  let start = at;
  for (let next = at; ; ) {
    const first = message[next];
    if (first === undefined) throw new Malformed('a name goes beyond the message');
    if (first === 0) return text.toLowerCase();
    if (first < 64) {
      const end = next + 1 + first;
      if (end > message.length) throw new Malformed('a label goes beyond the message');
      length += first + 1;
      if (length > longestName) throw new Malformed('a name of more than 255 bytes');
      const label = message.toString('utf8', next + 1, end);
      text = text === '' ? label : `${text}.${label}`;
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
