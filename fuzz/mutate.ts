import type { Random } from '../src/random.ts';
import type { Corpus } from './corpus.ts';

/** Numbers at which readers of DNS messages go wrong: bounds of lengths, counts, labels and pointers. */
const telling = [0, 1, 2, 5, 12, 41, 63, 64, 126, 127, 128, 191, 192, 193, 253, 254, 255];
const tellingWords = [0, 1, 2, 28, 33, 41, 0xff, 0x100, 0x3fff, 0x7fff, 0x8000, 0xc000, 0xc00c, 0xffff];

type Mutation = (message: Buffer, random: Random, from: number, corpus: Corpus) => Buffer;

const mutations: Mutation[] = [
  function flipBit(message, random, from) {
    const at = place(message, random, from);
    if (at < message.length) message[at]! ^= 1 << random.below(8);
    return message;
  },
  function setByte(message, random, from) {
    const at = place(message, random, from);
    if (at < message.length) message[at] = random.below(2) === 0 ? random.below(256) : one(telling, random);
    return message;
  },
  function setWord(message, random, from) {
    const at = place(message, random, from);
    if (at + 2 <= message.length) message.writeUInt16BE(one(tellingWords, random), at);
    return message;
  },
  function setCount(message, random, from) {
    const at = one([4, 6, 8, 10], random);
    const change = one([-1, 1, 2, 255], random);
    if (at < from || message.length < 12) return message;
    const count = random.below(3) === 0 ? one(tellingWords, random) : message.readUInt16BE(at) + change;
    message.writeUInt16BE(count & 0xffff, at);
    return message;
  },
  function setPointer(message, random, from) {
    const at = place(message, random, from);
    if (at + 2 <= message.length)
      message.writeUInt16BE(0xc000 | random.below(Math.min(message.length, 0x4000)), at);
    return message;
  },
  function cut(message, random, from) {
    return message.subarray(0, from + random.below(message.length - from + 1));
  },
  function remove(message, random, from) {
    const at = place(message, random, from);
    return Buffer.concat([message.subarray(0, at), message.subarray(at + 1 + random.below(40))]);
  },
  function insert(message, random, from) {
    const at = place(message, random, from);
    const noise = Buffer.alloc(1 + random.below(16), random.below(256));
    return Buffer.concat([message.subarray(0, at), noise, message.subarray(at)]);
  },
  function repeat(message, random, from) {
    const at = place(message, random, from);
    const part = message.subarray(at, at + 1 + random.below(64));
    const times = random.below(500) === 0 ? 1_000 : 1 + random.below(3);
    return Buffer.concat([message.subarray(0, at), ...Array<Buffer>(times).fill(part), message.subarray(at)]);
  },
  function splice(message, random, from, corpus) {
    const other = corpus.draw(random);
    return Buffer.concat([
      message.subarray(0, place(message, random, from)),
      other.subarray(random.below(other.length)),
    ]);
  },
];

const largest = 65_535;

/** `message` with some things wrong behind `from`; what stands before it stays. The argument is not changed. */
export function mutate(original: Buffer, random: Random, from: number, corpus: Corpus): Buffer {
  let message = Buffer.from(original);
  for (let left = 1 + random.below(6); left > 0; left--) {
    message = one(mutations, random)(
      message,
      random,
      Math.min(from, message.length),
      corpus,
    ) as Buffer<ArrayBuffer>;
  }
  return message.length > largest ? message.subarray(0, largest) : message;
}

/** Mostly near the front, where counts, types and lengths are. */
function place(message: Buffer, random: Random, from: number): number {
  const room = message.length - from;
  const reach = random.below(3) === 0 ? room : Math.min(room, 120);
  return from + random.below(reach + 1);
}

export function one<T>(list: readonly T[], random: Random): T {
  return list[random.below(list.length)]!;
}
