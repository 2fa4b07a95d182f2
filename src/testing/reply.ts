import { type Answer, RCODES } from './answers.ts';
import type { Query } from './query.ts';
import type { Settings } from './settings.ts';
import { trimTcp, trimUdp } from './trim.ts';
import { type DnsRecord, encodeMessage, type Message } from './wire.ts';

export type Transport = 'udp' | 'tcp';

const QR = 0x8000;
const AA = 0x0400;
const TC = 0x0200;
const OPCODE = 0x7800;
/** Given back with opcode QUERY; AD never is (F8.6). */
const RD_AND_CD = 0x0110;

/** The reply as sent; undefined where Consul cannot encode it and the client hears nothing (F12.5). */
export function reply(
  query: Query,
  answer: Answer,
  settings: Settings,
  transport: Transport,
): Buffer | undefined {
  const message = toMessage(query, answer);
  const opt: DnsRecord[] =
    query.edns === undefined || answer.rcode === RCODES.REFUSED
      ? []
      : [{ name: '', ttl: 0, type: 'OPT', udpSize: query.edns }];
  // 1.8.7 adds the OPT to what is left; later it is there before, counts, and goes with every trim (F4.4, F12.6).
  const newest = settings.version === '1.22.7';
  if (newest) message.additionals = [...message.additionals, ...opt];
  const trim = () =>
    transport === 'tcp'
      ? trimTcp(message)
      : trimUdp(message, {
          version: settings.version,
          edns: query.edns,
          udpAnswerLimit: settings.udpAnswerLimit,
        });
  const { message: sent, cut } = answer.trimmed ? trim() : { message, cut: false };
  const flags = sent.flags | (cut && settings.enableTruncate ? TC : 0);
  const additionals = newest ? sent.additionals : [...sent.additionals, ...opt];
  try {
    return encodeMessage({ ...sent, flags, additionals });
  } catch {
    return undefined;
  }
}

function toMessage(query: Query, answer: Answer): Message {
  const { answers, authorities, additionals } = answer;
  const echoed = query.flags & (OPCODE | (query.flags & OPCODE ? 0 : RD_AND_CD));
  const flags = QR | (answer.authoritative ? AA : 0) | echoed | answer.rcode;
  const question = { name: query.name, type: query.type, class: query.class };
  return { id: query.id, flags, question, answers, authorities, additionals };
}
