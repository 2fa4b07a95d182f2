import { isIP } from 'node:net';
import { endpointKey } from '../endpoint.ts';
import type { Instance, InstanceCheck } from './instance.ts';

/**
 * The URL at which Consul looks whether an instance is healthy: `http://`, `https://` or `tcp://`; `undefined` where it has no such check,
 * or Consul does not show it.
 *
 * The catalogue knows definitions only of checks that were registered there. Those of agents show what they call in their output:
 * `HTTP GET http://10.0.0.1:8080/health: 200 OK Output: …`, `TCP connect 10.0.0.1:8080: Success`. That is written by the agent, so it is as
 * good; an agent with `discard_check_output` writes none.
 */
export function knownCheck({ checks }: Pick<Instance, 'checks'>): string | undefined {
  const own = checks.filter(({ ofNode }) => !ofNode);
  const [known] = [...own.map(httpCheck), ...own.map(tcpCheck)].filter(isUsable);
  return known;
}

/**
 * The same as it is called by others: a check is written from where its agent stands, so what is local there is at the instance's own
 * address from here.
 */
export function checkFrom(known: string, host: string): string {
  const { protocol, hostname, port, pathname, search } = new URL(known);
  if (!isLocal(hostname) || isLocal(host)) return known;
  const at = endpointKey(host, Number(port || (protocol === 'https:' ? 443 : 80)));
  return `${protocol}//${at}${protocol === 'tcp:' ? '' : pathname + search}`;
}

function httpCheck({ type, output, definition }: InstanceCheck): string | undefined {
  const { http, method } = definition;
  if (http !== undefined) return isHarmless(method) ? http : undefined;
  const [, called, url] = /^HTTP ([A-Z]*) ?(https?:\/\/\S+): \d{3} /.exec(output) ?? [];
  return type === 'http' && isHarmless(called) ? url : undefined;
}

function tcpCheck({ type, output, definition }: InstanceCheck): string | undefined {
  const [, connected] = /^TCP connect (\S+): Success/.exec(output) ?? [];
  const place = definition.tcp ?? (type === 'tcp' ? connected : undefined);
  return place && `tcp://${place}`;
}

/** What else a check sends, only its agent may send. */
function isHarmless(method: string | undefined): boolean {
  return method === undefined || ['', 'GET', 'HEAD'].includes(method);
}

function isUsable(url: string | undefined): url is string {
  if (url === undefined || !URL.canParse(url)) return false;
  const { protocol, username, password, port } = new URL(url);
  // Credentials are not ours to use, or to show.
  if (username !== '' || password !== '') return false;
  return protocol === 'http:' || protocol === 'https:' || (protocol === 'tcp:' && port !== '');
}

function isLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 0) return host === 'localhost' || host === '' || host.endsWith('.localhost');
  return /^127\.|^0\.0\.0\.0$|^::1?$|^::ffff:7f/.test(host);
}
