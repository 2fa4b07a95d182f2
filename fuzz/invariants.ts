import { isIP } from 'node:net';
import type { DnsRecord, DnsReply } from '../src/dns/reply.ts';

/** The smallest record: the root's name, type, class, TTL and length. */
const smallestRecord = 11;
/** 255 bytes on the wire, less the length byte of the first label and the root's. */
const longestName = 253;

/** What a decoded reply must be, whatever bytes it came from. Returns what is wrong; `undefined`: nothing. */
export function violation(reply: DnsReply, message: Buffer): string | undefined {
  const { answers, additionals, answerCount, additionalCount, textCount, hasOpt, size } = reply;
  if (size !== message.length) return `size ${size} of ${message.length} bytes`;
  if (!/^(NOERROR|FORMERR|SERVFAIL|NXDOMAIN|NOTIMP|REFUSED|RCODE_\d{1,4})$/.test(reply.rcode))
    return `rcode ${reply.rcode}`;
  if (answers.length > answerCount) return 'more answers than were counted';
  if (additionals.length + textCount > additionalCount) return 'more additional records than were counted';
  const records = answerCount + additionalCount + (hasOpt ? 1 : 0);
  if (12 + records * smallestRecord > size) return `${records} records in ${size} bytes`;
  for (const record of answers) {
    const wrong = recordViolation(record);
    if (wrong !== undefined) return wrong;
  }
  for (const record of additionals) {
    const wrong = recordViolation(record);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function recordViolation(record: DnsRecord): string | undefined {
  if (!isName(record.name)) return `owner ${JSON.stringify(record.name)}`;
  if (!isIntegerUpTo(record.ttl, 0xffff_ffff)) return `ttl ${record.ttl}`;
  switch (record.type) {
    case 'A':
      return isIP(record.host) === 4 ? undefined : `A ${record.host}`;
    case 'AAAA':
      return isIP(record.host) === 6 ? undefined : `AAAA ${record.host}`;
    case 'CNAME':
      return isName(record.target) ? undefined : `CNAME ${record.target}`;
    case 'SRV':
      if (!isName(record.target)) return `SRV ${record.target}`;
      for (const key of ['port', 'priority', 'weight'] as const)
        if (!isIntegerUpTo(record[key], 0xffff)) return `SRV ${key} ${record[key]}`;
      return undefined;
  }
}

function isName(name: string): boolean {
  return name.length <= longestName && name === name.toLowerCase();
}

function isIntegerUpTo(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}
