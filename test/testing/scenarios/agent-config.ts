import type { ConsulVersion } from '../../../src/testing/versions.ts';
import type { Scenario } from './scenario.ts';

/** May do everything, until the agent is told to do without it. */
const MANAGEMENT_TOKEN = '22222222-2222-2222-2222-222222222222';

/** A scenario's options as the configuration of an agent. */
export function configOf(
  options: NonNullable<Scenario['options']>,
  more: { recursor: string | undefined; withAcl: boolean; version: ConsulVersion },
): Record<string, unknown> {
  const { serviceTtl, nodeTtl, soaMinTtl, altDomain, domain, translateWan } = options;
  const ttls = typeof serviceTtl === 'number' ? { '*': serviceTtl } : (serviceTtl ?? {});
  const { recursor, withAcl, version } = more;
  const first = version === '1.8.7' ? 'master' : 'initial_management';
  const tokens = { [first]: MANAGEMENT_TOKEN, default: MANAGEMENT_TOKEN };
  return defined({
    alt_domain: altDomain,
    domain,
    translate_wan_addrs: translateWan,
    recursors: recursor && [recursor],
    dns_config: defined({
      service_ttl: Object.fromEntries(Object.entries(ttls).map(([name, ttl]) => [name, `${ttl}ms`])),
      node_ttl: nodeTtl === undefined ? undefined : `${nodeTtl}ms`,
      soa: soaMinTtl === undefined ? undefined : { min_ttl: soaMinTtl / 1000 },
      enable_truncate: options.enableTruncate,
      udp_answer_limit: options.udpAnswerLimit,
      a_record_limit: options.aRecordLimit,
      enable_additional_node_meta_txt: options.metaTxt,
      only_passing: options.onlyPassing,
      disable_compression: options.disableCompression,
    }),
    primary_datacenter: withAcl ? 'dc1' : undefined,
    acl: withAcl ? { enabled: true, default_policy: 'deny', tokens } : undefined,
  });
}

function defined(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
