import type { DnsAnswer } from '../dns/client.ts';
import type { SrvRecord } from '../dns/reply.ts';
import { DnsError, ServiceNotFoundError } from '../errors.ts';

/** Consul answered that there is nothing; with the things that can mean. */
export function notFound(question: string, type: string, { reply, server }: DnsAnswer): ServiceNotFoundError {
  const said = reply.rcode === 'NXDOMAIN' ? 'NXDOMAIN' : `no ${type} records`;
  return new ServiceNotFoundError(
    `${question}: Consul at ${server.text} answered ${said}. That means one of: no such service, tag or datacenter; no healthy instance; the agent's DNS token may not read the service and its nodes (ACL). DNS cannot tell them apart.`,
  );
}

/** Instances are listed, and none can be called. */
export function withoutAddresses(
  question: string,
  answers: readonly SrvRecord[],
  unresolved: readonly string[],
  { server }: DnsAnswer,
): DnsError | ServiceNotFoundError {
  const some = answers.slice(0, 3).map(({ target, port }) => `${target}:${port}`);
  const listed = `${question}: Consul at ${server.text} listed ${answers.length} instance(s), none with a usable address and port: ${some.join(', ')}.`;
  return unresolved.length > 0
    ? new DnsError(
        'ERR_DNS_RESPONSE',
        `${listed} The addresses of ${unresolved.length} could not be resolved just now.`,
        [],
      )
    : new ServiceNotFoundError(
        `${listed} Register them with a port, and with an address that Consul or this machine can resolve.`,
      );
}
