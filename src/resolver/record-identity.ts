import type { DnsRecord } from '../dns/reply.ts';

/** The records of a reply by what makes each one instance. */
export function byIdentity(answers: readonly DnsRecord[]): Map<string, DnsRecord> {
  const own = new Map<string, DnsRecord>();
  for (const record of answers) {
    const id = identity(record);
    own.set(id, heavier(record, own.get(id)));
  }
  return own;
}

/**
 * What chance decides of a reply: the instances in it. Of those that are registered under host names a reply for addresses has one at a
 * time, however many addresses stand behind the name.
 */
export function drawnFrom(
  own: ReadonlyMap<string, DnsRecord>,
  question: string,
): ReadonlyMap<string, DnsRecord> {
  const [first] = own.values();
  if (first?.type !== 'CNAME') return own;
  const asked = question.toLowerCase();
  return new Map([...own].filter(([, record]) => record.type === 'CNAME' && record.name === asked));
}

/** Consul lists an instance once per node that has it; address and port are what makes it one. */
function identity(record: DnsRecord): string {
  if (record.type === 'SRV') return `${record.target}:${record.port}`;
  return record.type === 'CNAME' ? `${record.name}=${record.target}` : record.host;
}

function heavier(record: DnsRecord, twin: DnsRecord | undefined): DnsRecord {
  return twin?.type === 'SRV' && record.type === 'SRV' && twin.weight > record.weight ? twin : record;
}
