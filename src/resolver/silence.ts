import type { DnsAnswer, DnsClient, LookupOptions } from '../dns/client.ts';
import { DnsError } from '../errors.ts';
import type { Preference } from './ways.ts';

/** Small enough that Consul trims a reply that would be larger; the largest that is answered shows most. */
const smallSizes = [1_000, 600, 512] as const;

/** What answers, where the usual question was met by silence. */
export type Sound =
  | { readonly answer: DnsAnswer; readonly way: Preference; readonly tcpSilent: boolean }
  | 'addresses only'
  | undefined;

/**
 * Listens for any answer to a question for SRV that timed out.
 *
 * TCP answers where large datagrams are lost on the way. Where TCP is silent too, a node has a metadata value of more than
 * 255 bytes: Consul cannot pack a reply that holds it and sends none, while replies trimmed to a small size, which lack
 * all metadata, do come, and so do addresses. All are asked at once: it takes one timeout.
 */
export async function breakSilence(
  client: DnsClient,
  question: string,
  mode: 'auto' | 'udp' | 'tcp',
  signal: AbortSignal | undefined,
): Promise<Sound> {
  const ask = asker(client, question, signal);
  const [byTcp, addresses, ...small] = await Promise.all([
    mode === 'auto' ? ask('SRV', { transport: 'tcp' }) : undefined,
    ask('A', { transport: mode }),
    ...(mode === 'tcp' ? [] : smallSizes.map((edns) => ask('SRV', { transport: 'udp', edns }))),
  ]);
  const tcp = { transport: 'tcp' } as const;
  const whole = listIn(byTcp);
  if (whole !== undefined) return { answer: whole, way: tcp, tcpSilent: false };
  for (const [i, heard] of small.entries()) {
    const answer = listIn(heard);
    if (answer === undefined) continue;
    return { answer, way: { transport: 'udp', edns: smallSizes[i]! }, tcpSilent: byTcp === 'silence' };
  }
  if (listIn(addresses) !== undefined) return 'addresses only';
  // Where UDP is not let through at all, TCP alone says that there is nothing.
  const nothing = typeof byTcp === 'object' && byTcp.reply.rcode === 'NXDOMAIN';
  return nothing ? { answer: byTcp, way: tcp, tcpSilent: false } : undefined;
}

/** Whether TCP answers for addresses and, at the same moment, not for SRV: metadata again. */
export async function isSilentByTcp(
  client: DnsClient,
  question: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const ask = asker(client, question, signal);
  const byTcp = { transport: 'tcp' } as const;
  const [srv, addresses] = await Promise.all([ask('SRV', byTcp), ask('A', byTcp)]);
  return srv === 'silence' && listIn(addresses) !== undefined;
}

/** What came of one try; `undefined` for a failure that is no silence. */
type Heard = DnsAnswer | 'silence' | undefined;

function asker(client: DnsClient, question: string, signal: AbortSignal | undefined) {
  return async (type: 'SRV' | 'A', how: LookupOptions): Promise<Heard> => {
    try {
      return await client.query(question, type, { ...how, retries: 0, signal });
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      return error.code === 'ERR_DNS_TIMEOUT' ? 'silence' : undefined;
    }
  };
}

function listIn(heard: Heard): DnsAnswer | undefined {
  return typeof heard === 'object' && heard.reply.answers.length > 0 ? heard : undefined;
}
