import type { Answer } from './answer.ts';
import type { Query } from './query.ts';
import type { Settings } from './settings.ts';
import { trimTcp, trimUdp } from './trim.ts';
import { type DnsRecord, encodeMessage, type Message } from './wire.ts';

export type Transport = 'udp' | 'tcp';

const QR = 0x8000;
const AA = 0x0400;
const TC = 0x0200;
const RA = 0x0080;
const OPCODE = 0x7800;
/** Given back with opcode QUERY; AD never is (F8.6). */
const RD_AND_CD = 0x0110;
const SERVFAIL = 2;

/** What comes on top of what Consul would say. */
export interface Additions {
  /** TC, and of the answers none at all. */
  emptied?: boolean;
  /** Behind everything else, and never trimmed. */
  additionals?: readonly DnsRecord[];
}

/** The reply as sent; undefined where Consul cannot encode it and the client hears nothing (F12.5). */
export function reply(
  query: Query,
  answer: Answer,
  settings: Settings,
  transport: Transport,
  { emptied = false, additionals: more = [] }: Additions = {},
): Buffer | undefined {
  const { dialect, enableTruncate, disableCompression } = settings;
  const message = toMessage(query, answer, settings);
  // What recursion ends with has an OPT only where Consul itself gave up.
  const ownReply = !answer.recursed || answer.rcode === SERVFAIL;
  const opt: DnsRecord[] =
    query.edns === undefined || !ownReply ? [] : [{ name: '', ttl: 0, type: 'OPT', udpSize: query.edns }];
  // Added to what is left, or there before, so that it counts and goes with every trim (F4.4, F12.6).
  if (dialect.optTrimmed) message.additionals = [...message.additionals, ...opt];
  const trim = () =>
    transport === 'tcp' ? trimTcp(message, settings) : trimUdp(message, { ...settings, edns: query.edns });
  const trims = !answer.recursed && (answer.trimmed || dialect.trimsEverything);
  const { message: sent, cut } = trims ? trim() : { message, cut: false };
  const flags = sent.flags | ((cut && enableTruncate) || emptied ? TC : 0);
  const additionals = [...sent.additionals, ...(dialect.optTrimmed ? [] : opt), ...more];
  const answers = emptied ? [] : sent.answers;
  try {
    return encodeMessage({ ...sent, answers, flags, additionals }, !disableCompression);
  } catch {
    return undefined;
  }
}

function toMessage(query: Query, answer: Answer, { recursor, dialect }: Settings): Message {
  const { answers, authorities, additionals } = answer;
  const echoed = query.flags & (OPCODE | (query.flags & OPCODE ? 0 : RD_AND_CD));
  // 1.8.7 says so of a reverse lookup that found nothing, too (F5.14).
  const recursion = recursor !== undefined || (answer.recursed && answer.rcode === SERVFAIL);
  const flags = QR | (answer.authoritative ? AA : 0) | (recursion ? RA : 0) | echoed | answer.rcode;
  const name = dialect.v2dns ? query.name.toLowerCase() : query.name;
  const question = { name, type: query.type, class: query.class };
  return { id: query.id, flags, question, answers, authorities, additionals };
}
