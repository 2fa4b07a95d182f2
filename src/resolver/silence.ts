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
  if (byTcp !== undefined) return { answer: byTcp, way: { transport: 'tcp' }, tcpSilent: false };
  const at = small.findIndex((answer) => answer !== undefined);
  if (at >= 0) {
    return {
      answer: small[at]!,
      way: { transport: 'udp', edns: smallSizes[at]! },
      tcpSilent: mode !== 'udp',
    };
  }
  return addresses === undefined ? undefined : 'addresses only';
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
  return srv === undefined && addresses !== undefined;
}

/** Asks once; `undefined` where there is no answer, or none with records. */
function asker(client: DnsClient, question: string, signal: AbortSignal | undefined) {
  return async (type: 'SRV' | 'A', how: LookupOptions): Promise<DnsAnswer | undefined> => {
    try {
      const answer = await client.query(question, type, { ...how, retries: 0, signal });
      return answer.reply.answers.length > 0 ? answer : undefined;
    } catch (error) {
      if (error instanceof DnsError) return undefined;
      throw error;
    }
  };
}
