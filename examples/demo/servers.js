// @ts-check
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a server says of itself.
 * @typedef {{ name: string, host: string, port: number }} Answer
 */
/** @typedef {Answer & { delay: number, close: () => Promise<void> }} DemoServer */

const wanted = [
  { name: 'anna', host: '127.0.0.2', delay: 0 },
  { name: 'bert', host: '127.0.0.3', delay: 0 },
  { name: 'carl', host: '127.0.0.4', delay: 0 },
  { name: 'dora', host: '127.0.0.5', delay: 30 },
];

export async function startServers() {
  /** @type {DemoServer[]} */
  const list = [];
  const close = async () => {
    await Promise.all(list.map((server) => server.close()));
  };
  try {
    for (const one of wanted) list.push(await start(one));
  } catch (error) {
    await close();
    throw error;
  }
  return { list, close };
}

/**
 * @param {(typeof wanted)[number]} wish
 * @returns {Promise<DemoServer>}
 */
async function start({ name, host: wished, delay }) {
  const server = createServer(async (_, response) => {
    await sleep(delay);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, host, port }));
  });
  /** @param {string} address */
  const listen = (address) =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, address, () => resolve(address));
    });
  /** @type {string} */
  const host = await listen(wished).catch((error) => {
    // macOS has 127.0.0.1 only, unless it is told of more.
    if (error.code === 'EADDRNOTAVAIL') return listen('127.0.0.1');
    throw error;
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return {
    name,
    host,
    port,
    delay,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
