import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { BlockList, isIP } from 'node:net';
import { DiscoveryError } from '../../errors.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Where the agent is asked. */
export interface AgentPlace {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
}

/**
 * The address of this host as an agent elsewhere sees it: that of the interface which routes to the agent. No packet is sent.
 *
 * `undefined` where the agent is on this host: it knows better, since it has an address that it advertises to others. Never a loopback
 * address: to anybody else that is another place.
 *
 * @throws DiscoveryError ERR_UNREACHABLE where there is no way to the agent.
 */
export async function ownAddress(target: AgentPlace): Promise<string | undefined> {
  const { host, port, socketPath } = target;
  if (socketPath !== undefined || host === 'localhost' || host.endsWith('.localhost')) return undefined;
  try {
    const { address, family } = isIP(host) === 0 ? await lookup(host) : { address: host, family: isIP(host) };
    if (isLoopback(address)) return undefined;
    const own = await sourceAddress(address, port, family === 6 ? 'udp6' : 'udp4');
    return isLoopback(own) ? undefined : own;
  } catch (cause) {
    throw new DiscoveryError(
      'ERR_UNREACHABLE',
      `There is no way from here to Consul at ${host}: ${(cause as Error).message}. Say \`address\` to do without.`,
      { cause },
    );
  }
}

export function isLoopback(address: string): boolean {
  return loopback.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** To connect a UDP socket chooses the route, and says nothing to anybody. */
async function sourceAddress(host: string, port: number, type: 'udp4' | 'udp6'): Promise<string> {
  const socket = createSocket(type);
  try {
    const connected = once(socket, 'connect');
    socket.connect(port, host);
    await connected;
    return socket.address().address;
  } finally {
    socket.close();
  }
}
