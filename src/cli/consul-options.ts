import { oneOf } from '../checks.ts';
import type { ConsulDnsOptions } from '../consul-dns.ts';
import { parseServerAddress } from '../dns/server-address.ts';
import { UsageError, wholeNumber } from './arguments.ts';
import type { CommandLine, OptionTable, Terminal } from './command.ts';

/** Options of every command that asks Consul. */
export const consulOptions: OptionTable = {
  server: {
    type: 'string',
    multiple: true,
    value: 'HOST:PORT',
    help: 'DNS server, repeatable, first one first (default: CONSUL_DNS_ADDR or 127.0.0.1:8600)',
  },
  transport: { type: 'string', value: 'auto|udp|tcp', help: 'auto: UDP, and TCP where UDP leaves doubt' },
  records: { type: 'string', value: 'SRV|A', help: 'A: addresses only, with --port (default: SRV)' },
  port: { type: 'string', value: 'PORT', help: 'port of every instance, with --records A' },
  timeout: { type: 'string', value: 'MS', help: 'of one DNS try, 1 to 60000 (default: 1000)' },
};

export const serviceNameHelp =
  'web, v1.web.service.consul, web.service.dc2.consul, _web._tcp.service.consul or nearest.query.consul';

/**
 * How to ask Consul, checked here and not only by the library, so that messages name what was typed.
 *
 * @throws InvalidOptionError; UsageError
 */
export function consulDnsOptions(request: CommandLine, { env }: Terminal): ConsulDnsOptions {
  const given = request.texts('server');
  const servers =
    given.length > 0
      ? given.map((server) => parseServerAddress(server, '--server'))
      : [parseServerAddress(env['CONSUL_DNS_ADDR'] || '127.0.0.1:8600', 'CONSUL_DNS_ADDR')];
  const transport = oneOf('auto', 'udp', 'tcp')(request.text('transport') ?? 'auto', '--transport');
  const records = oneOf('SRV', 'A')((request.text('records') ?? 'SRV').toUpperCase(), '--records');
  const port = request.text('port');
  const timeout = request.text('timeout');
  if (records === 'A' && port === undefined) {
    throw new UsageError('--records A brings no ports: give theirs as --port PORT.');
  }
  if (records === 'SRV' && port !== undefined) {
    throw new UsageError('--port goes with --records A; SRV records bring the port of each instance.');
  }
  return {
    servers: servers.map(({ text }) => text),
    transport,
    records,
    ...(port !== undefined && { port: wholeNumber(port, '--port', 1, 65_535) }),
    ...(timeout !== undefined && { timeout: wholeNumber(timeout, '--timeout', 1, 60_000) }),
  };
}
