import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

/**
 * Free for UDP and TCP, and below the range from which the systems take ports for outgoing connections: an agent that is
 * killed and comes back would else find a client's socket on its port now and then.
 */
export async function freePorts(count: number): Promise<number[]> {
  const chosen = new Set<number>();
  while (chosen.size < count) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (!chosen.has(port) && (await isFree(port))) chosen.add(port);
  }
  return [...chosen];
}

async function isFree(port: number): Promise<boolean> {
  const stream = createServer();
  const datagram = createSocket('udp4');
  try {
    const listening = once(stream, 'listening');
    stream.listen(port, LOOPBACK);
    await listening;
    const bound = once(datagram, 'listening');
    datagram.bind(port, LOOPBACK);
    await bound;
    return true;
  } catch {
    return false;
  } finally {
    stream.close();
    datagram.close();
  }
}
