import { readFileSync, writeFileSync } from 'node:fs';
import { type DnsReply, decodeReply } from '../src/dns/reply.ts';
import type { Random } from '../src/random.ts';

/** Paths are from the package's root, where npm starts its scripts. */
const captureFiles = ['1.8.7', '1.22.7'].map((version) => `test/fixtures/captures-${version}.json`);
const grownFile = 'fuzz/corpus.json';

const mostEntries = 600;
/** Longer ones are rarely needed and cost their length at each turn. */
const longestGrown = 2_048;

/** Replies to mutate: those of real Consul, and what earlier runs found to be read in a new way. */
export class Corpus {
  readonly #entries: Buffer[] = [];
  readonly #shapes = new Set<string>();
  readonly #captures: number;

  constructor() {
    const captures = captureFiles.flatMap(
      (file) => JSON.parse(readFileSync(file, 'utf8')) as { responseHex?: string }[],
    );
    for (const { responseHex } of captures) if (responseHex) this.#enter(Buffer.from(responseHex, 'hex'));
    this.#captures = this.#entries.length;
    for (const hex of JSON.parse(readFileSync(grownFile, 'utf8')) as string[])
      this.#enter(Buffer.from(hex, 'hex'));
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Found in this and earlier runs. */
  get grown(): readonly Buffer[] {
    return this.#entries.slice(this.#captures);
  }

  /** One entry, small ones mostly: of 64 KiB there are some, and they cost as much as a hundred others. */
  draw(random: Random): Buffer {
    for (;;) {
      const entry = this.#entries[random.below(this.#entries.length)]!;
      if (entry.length <= longestGrown || random.below(64) === 0) return entry;
    }
  }

  /** Keeps a message whose reply is of a shape not seen before. */
  offer(message: Buffer, reply: DnsReply): void {
    if (message.length > longestGrown || this.#entries.length >= mostEntries) return;
    const shape = shapeOf(reply);
    if (this.#shapes.has(shape)) return;
    this.#shapes.add(shape);
    this.#entries.push(Buffer.from(message));
  }

  /** Writes the smallest `count` grown entries to the file that later runs start from. */
  save(count: number): void {
    const smallest = [...this.grown].sort((a, b) => a.length - b.length).slice(0, count);
    writeFileSync(
      grownFile,
      `${JSON.stringify(
        smallest.map((entry) => entry.toString('hex')),
        null,
        2,
      )}\n`,
    );
  }

  #enter(message: Buffer): void {
    this.#entries.push(message);
    const reply = decodeReply(message);
    if (reply !== undefined) this.#shapes.add(shapeOf(reply));
  }
}

/** What is alike is read by the same steps. */
function shapeOf(reply: DnsReply): string {
  const types = (records: DnsReply['answers']) => [...new Set(records.map(({ type }) => type))].sort().join();
  const roughly = (count: number) => Math.ceil(Math.log2(count + 1));
  return [
    reply.rcode.startsWith('RCODE') ? 'other' : reply.rcode,
    reply.truncated,
    types(reply.answers),
    types(reply.additionals),
    roughly(reply.answerCount),
    roughly(reply.additionalCount),
    roughly(reply.textCount),
    reply.hasOpt,
  ].join('|');
}
