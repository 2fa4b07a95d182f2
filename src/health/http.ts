import { request } from 'node:http';
import { endpointKey } from '../endpoint.ts';
import type { HttpProbeOptions, Probe } from './probe.ts';

/** The time from the request to the status line, in ms, on a fresh connection. A status of 400 or more is a failure. */
export function httpProbe({ http: path, method = 'HEAD' }: HttpProbeOptions): Probe {
  return ({ host, port, serverName }, signal) =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const headers = { host: serverName ?? endpointKey(host, port), connection: 'close' };
      const asked = request({ host, port, path, method, headers, signal, agent: false }, (response) => {
        const elapsed = performance.now() - started;
        const status = response.statusCode ?? 0;
        if (status < 400) resolve(elapsed);
        else reject(new Error(`HTTP ${status}`));
        // The status line is all we want of it.
        response.destroy();
      });
      asked.on('socket', (socket) => socket.unref());
      asked.on('error', reject);
      asked.end();
    });
}
