import { type RequestOptions, request } from 'node:http';
import { request as requestOverTls } from 'node:https';
import { endpointKey } from '../endpoint.ts';
import type { HttpProbeOptions, Probe } from './probe.ts';

/** The time from the request to the status line, in ms, on a fresh connection. A status of 400 or more is a failure. */
export function httpProbe({ http: path, method = 'HEAD' }: HttpProbeOptions): Probe {
  return ({ host, port, serverName }, signal) =>
    timeToStatus('http:', {
      host,
      port,
      path,
      method,
      headers: { host: serverName ?? endpointKey(host, port) },
      signal,
    });
}

/** The same for any place. Redirects are not followed: whoever answers with one has answered. */
export function timeToStatus(protocol: 'http:' | 'https:', options: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const headers = { ...options.headers, connection: 'close' };
    // Nothing is sent that would have to be kept secret, and a check's certificate often names nobody: only the time matters.
    const whole = { ...options, headers, agent: false, rejectUnauthorized: false };
    const asked = (protocol === 'https:' ? requestOverTls : request)(whole, (response) => {
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
