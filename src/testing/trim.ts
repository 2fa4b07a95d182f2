import type { Dialect } from './versions.ts';
import { type DnsRecord, type Message, sizeOf } from './wire.ts';

/**
 * How Consul makes a reply fit: the source of its silent losses.
 *
 * Every trim rebuilds the additional section without the node metadata, but how many answers go is decided by the
 * size before that. A reply a little too big therefore loses one random instance although it would have fitted
 * without the metadata: the hole of F12.2 and F13.1.
 */
export interface Trimmed {
  message: Message;
  /** Whether TC is due, where enable_truncate allows it at all. */
  cut: boolean;
}

export interface UdpLimits {
  dialect: Pick<Dialect, 'udpMargin' | 'largestDatagram'>;
  /** The size the question advertised. */
  edns: number | undefined;
  udpAnswerLimit: number;
  disableCompression: boolean;
}

const PLAIN_UDP = 512;
const LARGEST_ANSWER_LIMIT = 8;
const TCP_SIZE = 65523;
/** This far above the limit, one answer less is not expected to do. */
const FAR_ABOVE = 100;

export function trimUdp(message: Message, limits: UdpLimits): Trimmed {
  const { dialect, edns, disableCompression } = limits;
  const limit = Math.min(Math.max(PLAIN_UDP, edns ?? 0), dialect.largestDatagram);
  const most = Math.min(LARGEST_ANSWER_LIMIT, limits.udpAnswerLimit);
  const byCount = limit === PLAIN_UDP && message.answers.length > most;
  const counted = byCount ? keep(message, most) : message;
  // A reply cut by count must fit uncompressed (F4.2).
  const compress = !byCount && !disableCompression;
  const fitted = shrink(counted, { limit, margin: dialect.udpMargin, compress });
  return { message: fitted, cut: fitted.answers.length < message.answers.length };
}

/**
 * The cut to 1024 SRV leaves the additional section alone and says nothing, not even with enable_truncate (F4.7);
 * the cut by bytes asks for TC also where only metadata went (F12.4).
 */
export function trimTcp(message: Message, { disableCompression }: { disableCompression: boolean }): Trimmed {
  const most = message.question?.type === 33 ? 1024 : 4096;
  const counted = { ...message, answers: message.answers.slice(0, most) };
  const fitted = shrink(counted, { limit: TCP_SIZE, margin: 0, compress: !disableCompression });
  return { message: fitted, cut: fitted !== counted };
}

/** The message itself where it fits within `limit - margin`. */
function shrink(message: Message, to: { limit: number; margin: number; compress: boolean }): Message {
  let fitted = message;
  for (;;) {
    if (fitted.answers.length <= 1 || sizeOf(fitted, to.compress) <= to.limit - to.margin) return fitted;
    // Only an NXDOMAIN that carries answers has both (F12.11); its SOA goes first, but never alone.
    fitted = { ...fitted, authorities: [] };
    // The search aims at the limit without the margin: its result may lose one more in the next round.
    const farAbove = sizeOf(fitted, to.compress) - to.limit > FAR_ABOVE;
    fitted = keep(fitted, farAbove ? mostWithin(fitted, to.limit, to.compress) : fitted.answers.length - 1);
  }
}

/** The largest number of answers whose trimmed message takes no more than `limit` bytes. */
function mostWithin(message: Message, limit: number, compress: boolean): number {
  let fits = 0;
  let tooMany = message.answers.length + 1;
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >> 1;
    if (sizeOf(keep(message, middle), compress) <= limit) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/**
 * The first `count` answers, and of the additional section one record for each of their targets: the first that
 * had its name, which can be a TXT (F12.3). Everything else goes, the OPT too.
 */
function keep(message: Message, count: number): Message {
  const first = new Map<string, DnsRecord>();
  for (const record of message.additionals) {
    const owner = record.name.toLowerCase();
    if (!first.has(owner)) first.set(owner, record);
  }
  const answers = message.answers.slice(0, count);
  const kept = new Set<DnsRecord>();
  for (const answer of answers) {
    let record = answer.type === 'SRV' ? first.get(answer.target.toLowerCase()) : undefined;
    while (record !== undefined && !kept.has(record)) {
      kept.add(record);
      record = record.type === 'CNAME' ? first.get(record.target.toLowerCase()) : undefined;
    }
  }
  return { ...message, answers, additionals: [...kept] };
}
