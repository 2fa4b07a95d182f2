import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import { ipText } from '../ip.ts';
import type { HostLookup } from '../resolver/host-addresses.ts';
import type { Address } from '../resolver/resolver.ts';
import type { HealthQuestion } from './health-question.ts';
import type { CheckStatus, Instance } from './instance.ts';
import { checkFrom, knownCheck } from './known-check.ts';

/** What a list shows of an instance; the rest of it may change as it likes. */
export interface Listed extends Omit<Address, 'host' | 'target' | 'serverName'> {
  /** IP literal or host name. */
  readonly address: string;
}

const healthy: readonly CheckStatus[] = ['passing', 'warning'];

/** As DNS shows them: without critical ones, those that warn with their weight of warning, and none without a port. */
export function listed(
  instances: readonly Instance[],
  { port, peer, ordered }: Pick<HealthQuestion, 'port' | 'peer' | 'ordered'>,
): Listed[] {
  return (
    instances
      .filter((one) => healthy.includes(one.status))
      // An agent that knows of no peers does not heed the question for one, and lists its own.
      .filter((one) => peer === undefined || one.peer?.toLowerCase() === peer.toLowerCase())
      .flatMap((one, rank) => {
        const number = port === undefined ? one.port : portOf(one, port);
        return isPort(number) ? [shown(one, number, ordered ? rank : undefined)] : [];
      })
  );
}

function portOf({ ports }: Instance, wanted: string): number | undefined {
  return ports.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())?.port;
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && port >= 1 && port <= 65_535;
}

function shown(instance: Instance, port: number, rank: number | undefined): Listed {
  const { address, weights, status, node, datacenter, peer, tags, meta } = instance;
  const weight = status === 'warning' ? weights.warning : weights.passing;
  const check = knownCheck(instance);
  return {
    address: isIP(address) === 0 ? address.toLowerCase() : ipText(address),
    port,
    priority: 1,
    weight: Math.min(Math.max(weight, 0), 65_535),
    ...(rank !== undefined && { rank }),
    node,
    // That of a peer means nothing to our Consul.
    ...(datacenter !== undefined && peer === undefined && { datacenter }),
    tags,
    meta,
    ...(check !== undefined && { check }),
  };
}

/** The same for the same list, in whatever order. */
export function fingerprint(list: readonly Listed[]): string {
  const rows = list.map((one) => JSON.stringify(one)).sort();
  return createHash('sha256').update(rows.join('\n')).digest('base64url').slice(0, 16);
}

/** The system's resolver has no bound of its own. In ms. */
const lookupTimeout = 5_000;

/**
 * The addresses of a list, host names resolved by the system: several of one name share its weight. `unresolved`: names for which nobody
 * could be asked; such a list is not the whole one.
 */
export async function addressesOf(
  list: readonly Listed[],
  lookup: HostLookup,
  clock: Clock,
): Promise<{ addresses: Address[]; unresolved: string[] }> {
  const names = new Set(list.map(({ address }) => address).filter((address) => isIP(address) === 0));
  const found = new Map<string, readonly string[] | undefined>();
  await Promise.all(Array.from(names, async (name) => found.set(name, await hostsOf(name, lookup, clock))));
  const addresses = list.flatMap(({ address, ...rest }): Address[] => {
    if (!names.has(address)) return [located(rest, address)];
    const hosts = found.get(address) ?? [];
    const { weight } = rest;
    const share = weight === 0 || hosts.length < 2 ? weight : Math.max(1, Math.round(weight / hosts.length));
    return hosts.map((host) => ({
      ...located({ ...rest, weight: share }, host),
      target: address,
      serverName: address,
    }));
  });
  return { addresses, unresolved: [...names].filter((name) => found.get(name) === undefined) };
}

function located({ check, ...rest }: Omit<Listed, 'address'>, host: string): Address {
  return { host, ...rest, ...(check !== undefined && { check: checkFrom(check, host) }) };
}

/** `undefined`: nobody could say, which is no "there is none". */
async function hostsOf(
  name: string,
  lookup: HostLookup,
  clock: Clock,
): Promise<readonly string[] | undefined> {
  let timer: ReturnType<Clock['setTimeout']> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = clock.setTimeout(() => resolve(undefined), lookupTimeout);
  });
  try {
    const hosts = await Promise.race([lookup(name), late]);
    return hosts && [...new Set(hosts.map(ipText))];
  } catch (error) {
    const isAnswer = ['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '');
    return isAnswer ? [] : undefined;
  } finally {
    clock.clearTimeout(timer);
  }
}
