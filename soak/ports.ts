import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const host = '127.0.0.1';

/**
 * Free for UDP and TCP, and below the range from which systems take ports for outgoing connections: who closes one of these
 * and opens it again finds it free.
 */
export async function freePorts(count: number): Promise<number[]> {
  const chosen = new Set<number>();
  for (let attempt = 0; chosen.size < count; attempt++) {
    if (attempt > 1_000) throw new Error('no free ports from 15000 to 30000');
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
    stream.listen(port, host);
    await listening;
    const bound = once(datagram, 'listening');
    datagram.bind(port, host);
    await bound;
    return true;
  } catch {
    return false;
  } finally {
    stream.close();
    datagram.close();
  }
}
