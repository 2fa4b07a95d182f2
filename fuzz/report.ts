/** What a part of the run counts, and what it fails for. */
export interface Tally {
  /** Replies given to the code under test. */
  replies: number;
  /** Of these, by somebody who lacked a secret. */
  hostile: number;
  /** Hostile ones that were taken for the answer. To be 0. */
  accepted: number;
  /** To be 0. */
  exceptions: number;
  /** Decoded replies, or outcomes of questions, that break a rule. To be 0. */
  violations: number;
  /** Well-formed replies among those that carried all secrets. */
  decoded: number;
  /** To decode, in ms. */
  slowest: number;
}

export function emptyTally(): Tally {
  return { replies: 0, hostile: 0, accepted: 0, exceptions: 0, violations: 0, decoded: 0, slowest: 0 };
}

export function failures({ accepted, exceptions, violations, slowest }: Tally): number {
  return accepted + exceptions + violations + (slowest > slowestAllowed ? 1 : 0);
}

/** To decode, in ms: 64 KiB of honest records take 10 at most, in code that is not compiled yet. */
const slowestAllowed = 100;

/** MB in use after a full collection: heap, and buffers beside it. Needs `--expose-gc`. */
export function memoryInUse(): { heap: number; buffers: number } {
  // Buffers are let go by the collection after the one that finds them unused.
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed / 2 ** 20, buffers: arrayBuffers / 2 ** 20 };
}

/** The bytes that show a failure, so that it can be made a test. */
export function show(what: string, message: Buffer, question?: Buffer): void {
  const hex = (bytes: Buffer) =>
    bytes.length > 4_096
      ? `${bytes.toString('hex', 0, 4_096)}… (${bytes.length} bytes)`
      : bytes.toString('hex');
  console.error(`FAILURE: ${what}\n  message  ${hex(message)}`);
  if (question !== undefined) console.error(`  question ${hex(question)}`);
}
