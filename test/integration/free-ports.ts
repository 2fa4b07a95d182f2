import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const LOOPBACK = '127.0.0.1';
const FIRST = 15_000;
const BLOCK = 16;
const BLOCKS = 930;

/** One for each block of ours, so that no other process of tests takes it. */
const claims: Server[] = [];

/**
 * Free for UDP and TCP, and ours until the process ends: an agent that is killed and comes back would else find one of another
 * test on its ports now and then. Below the range from which the systems take ports for outgoing connections, for the same reason.
 */
export async function freePorts(count: number): Promise<number[]> {
  for (;;) {
    const block = FIRST + BLOCK * Math.floor(Math.random() * BLOCKS);
    if (!(await claim(block))) continue;
    const free: number[] = [];
    for (let port = block + 1; port < block + BLOCK && free.length < count; port++) {
      if (await isFree(port)) free.push(port);
    }
    if (free.length === count) return free;
  }
}

/** Whoever listens on the first port of a block has it. */
async function claim(block: number): Promise<boolean> {
  const server = createServer().unref();
  try {
    const listening = once(server, 'listening');
    server.listen(block, LOOPBACK);
    await listening;
    claims.push(server);
    return true;
  } catch {
    return false;
  }
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
