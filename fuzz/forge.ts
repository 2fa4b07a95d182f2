import type { Random } from '../src/random.ts';
import type { Corpus } from './corpus.ts';
import { mutate, one } from './mutate.ts';
import { knowsAll, questionEnd } from './secrets.ts';

/** A reply that knows everything: header and question of `question`, the records of some reply of the corpus. */
export function replyOf(question: Buffer, corpus: Corpus, random: Random): Buffer {
  const source = corpus.draw(random);
  const sourceEnd = source.length > 18 && source[5] === 1 ? questionEnd(source) : 12;
  const end = questionEnd(question);
  const message = Buffer.concat([question.subarray(0, end), source.subarray(sourceEnd)]);
  message[2] = 0x85;
  message[3] = source[3] ?? 0;
  for (const at of [6, 8, 10]) message.writeUInt16BE(source.length < 12 ? 0 : source.readUInt16BE(at), at);
  return message;
}

type Spoil = (message: Buffer, end: number, random: Random, corpus: Corpus) => Buffer;

/** Ways not to know a secret. Each leaves the rest as good as it was. */
const spoils: Spoil[] = [
  function anyId(message, _end, random) {
    message.writeUInt16BE(random.below(0x10000), 0);
    return message;
  },
  function nextId(message, _end, random) {
    message.writeUInt16BE((message.readUInt16BE(0) + one([-2, -1, 1, 2, 256], random)) & 0xffff, 0);
    return message;
  },
  function oneLetter(message, end, random) {
    const at = 13 + random.below(end - 17);
    if (isLetter(message[at]!)) message[at]! ^= 0x20;
    return message;
  },
  function allLetters(message, end, random) {
    for (let at = 13; at < end - 5; at++)
      if (isLetter(message[at]!) && random.below(2) === 0) message[at]! ^= 0x20;
    return message;
  },
  function nameByte(message, end, random) {
    message[12 + random.below(end - 16)] = random.below(256);
    return message;
  },
  function typeOrClass(message, end, random) {
    message[end - 1 - random.below(4)]! ^= 1 << random.below(8);
    return message;
  },
  function isQuestion(message) {
    message[2]! &= 0x7f;
    return message;
  },
  function questionCount(message, _end, random) {
    message.writeUInt16BE(one([0, 2, 256, 0xffff], random), 4);
    return message;
  },
  function cutEarly(message, end, random) {
    return message.subarray(0, random.below(end));
  },
  function questionAsPointer(message, end, random) {
    message.writeUInt16BE(0xc000 | random.below(end), 12);
    return message;
  },
  function shifted(message, _end, random) {
    const by = 1 + random.below(3);
    return Buffer.concat([message.subarray(0, 12), Buffer.alloc(by), message.subarray(12)]);
  },
  function otherQuestion(message, _end, random, corpus) {
    const other = Buffer.from(corpus.draw(random));
    if (other.length >= 2) message.copy(other, 0, 0, 2);
    return other;
  },
  function headerAlone(message) {
    return message.subarray(0, 12);
  },
  function noise(message, _end, random) {
    const bytes = Buffer.alloc(random.below(200));
    for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
    message.copy(bytes, 0, 0, random.below(3));
    return bytes;
  },
];

/** A reply to `question` by somebody who lacks at least one of its secrets. */
export function forge(question: Buffer, corpus: Corpus, random: Random): Buffer {
  const end = questionEnd(question);
  for (;;) {
    let message = replyOf(question, corpus, random);
    if (random.below(4) === 0) message = mutate(message, random, end, corpus);
    message = one(spoils, random)(message, Math.min(end, message.length), random, corpus);
    // By chance a spoilt one may be right after all.
    if (!knowsAll(message, question)) return message;
  }
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}
