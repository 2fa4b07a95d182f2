import { createConnection } from 'node:net';
import type { Probe } from './probe.ts';

/** The time a TCP connection takes to be made, in ms. Nothing is sent. */
export const tcpProbe: Probe = ({ host, port }, signal) =>
  new Promise((resolve, reject) => {
    const started = performance.now();
    const socket = createConnection({ host, port, signal }).unref();
    socket.once('connect', () => {
      resolve(performance.now() - started);
      // Reset instead of FIN: a probe a few times a second must not leave sockets in TIME_WAIT.
      socket.resetAndDestroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed before it was made')));
  });
