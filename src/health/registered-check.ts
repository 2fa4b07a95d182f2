import { timeToStatus } from './http.ts';
import type { Probe } from './probe.ts';
import { tcpProbe } from './tcp.ts';

/**
 * Calls what Consul calls to see whether the instance is healthy: the time to the status line of a GET, or to connect. Where that is not
 * known, the time to connect to the instance.
 */
export const registeredCheckProbe: Probe = (target, signal) => {
  if (target.check === undefined || !URL.canParse(target.check)) return tcpProbe(target, signal);
  const { protocol, hostname, port, pathname, search, host } = new URL(target.check);
  const at = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'tcp:') return tcpProbe({ host: at, port: Number(port) }, signal);
  if (protocol !== 'http:' && protocol !== 'https:') return tcpProbe(target, signal);
  return timeToStatus(protocol, {
    host: at,
    port: Number(port || (protocol === 'https:' ? 443 : 80)),
    path: pathname + search,
    method: 'GET',
    headers: { host },
    signal,
  });
};
