import { fork } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { fileURLToPath } from 'node:url';
import { ending, firstWord } from '../consul.ts';

export interface Backends {
  readonly addresses: readonly { readonly address: string; readonly port: number }[];
  /** Requests each of them has answered since it started. */
  answered(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/**
 * HTTP servers in one other process, each at an address of its own where loopback has more than one: HAProxy 2.6 takes two instances
 * at one address for one.
 */
export async function startBackends(count: number): Promise<Backends> {
  const hosts = Array.from({ length: count }, (_, i) =>
    platform() === 'linux' ? `127.0.0.${i + 2}` : '127.0.0.1',
  );
  const child = fork(fileURLToPath(new URL('./serve.js', import.meta.url)));
  const close = ending(child);
  child.send(hosts);
  const ports = await firstWord<number[]>(child);
  return {
    addresses: hosts.map((address, i) => ({ address, port: ports[i]! })),
    close,
    async answered() {
      const reply = once(child, 'message');
      child.send('answered');
      return (await reply)[0] as number[];
    },
  };
}
