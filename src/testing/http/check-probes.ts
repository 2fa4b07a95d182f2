import * as http from 'node:http';
import * as https from 'node:https';
import { BlockList, connect, isIP } from 'node:net';
import type { Clock } from '../../clock.ts';
import type { Status } from '../definitions.ts';
import type { CheckDefinition } from './check-definition.ts';

export interface Finding {
  status: Status;
  output: string;
}

const DEFAULT_TIMEOUT = 10_000;
const LONGEST_OUTPUT = 4_096;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** 2xx passes, 429 warns, all else is critical, as is no answer in time. */
export function httpProbe(definition: CheckDefinition, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const method = definition.Method || 'GET';
  const url = URL.canParse(definition.HTTP!) ? new URL(definition.HTTP!) : undefined;
  if (url === undefined) return Promise.resolve(critical(`unsupported protocol: ${definition.HTTP}`));
  if (!isOwnMachine(url.hostname)) return Promise.resolve(elsewhere(url.hostname));
  return new Promise((resolve) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method,
      agent: false,
      headers: {
        'User-Agent': 'Consul Health Check',
        Accept: 'text/plain, text/*, */*',
        ...definition.Header,
      },
      ...(definition.TLSSkipVerify === true && { rejectUnauthorized: false }),
      ...(definition.TLSServerName !== undefined && { servername: definition.TLSServerName }),
    });
    const end = (finding: Finding) => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      request.destroy();
      resolve(finding);
    };
    const failed = (what: string) => end(critical(`${capitalized(method)} "${definition.HTTP}": ${what}`));
    const onAbort = () => end(critical('stopped'));
    const timer = clock.setTimeout(
      () => failed('context deadline exceeded (Client.Timeout exceeded while awaiting headers)'),
      timeoutOf(definition),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    // The checks of a double keep no process alive.
    request.on('socket', (socket) => socket.unref());
    request.on('error', (error) => failed(inGo(error, url.hostname, url.port)));
    request.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', (error) => failed(error.message));
      response.on('end', () => {
        const { statusCode = 0, statusMessage = '' } = response;
        const body = Buffer.concat(parts).toString('utf8', 0, LONGEST_OUTPUT);
        end({
          status:
            statusCode >= 200 && statusCode < 300 ? 'passing' : statusCode === 429 ? 'warning' : 'critical',
          output: `HTTP ${method} ${definition.HTTP}: ${statusCode} ${statusMessage} Output: ${body}`,
        });
      });
    });
    request.end(definition.Body);
  });
}

/** @param what begins what it says of a success. */
export function connectProbe(
  address: string,
  what: string,
  definition: CheckDefinition,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (!isOwnMachine(bare)) return Promise.resolve(elsewhere(bare));
  return new Promise((resolve) => {
    const socket = connect({ host: bare, port: Number(port) }).unref();
    const end = (finding: Finding) => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(finding);
    };
    const onAbort = () => end(critical('stopped'));
    const timer = clock.setTimeout(
      () => end(critical(`dial tcp ${address}: i/o timeout`)),
      timeoutOf(definition),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => end({ status: 'passing', output: `${what}: Success` }));
    socket.on('error', (error) => end(critical(inGo(error, bare, port))));
  });
}

/** A test's double reaches out to no other machine. */
function isOwnMachine(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return (
    bare === 'localhost' || (isIP(bare) !== 0 && loopback.check(bare, isIP(bare) === 6 ? 'ipv6' : 'ipv4'))
  );
}

function elsewhere(host: string): Finding {
  return critical(`${host} is not on loopback: the double runs checks there only`);
}

function critical(output: string): Finding {
  return { status: 'critical', output };
}

function timeoutOf({ Timeout = 0, Interval = DEFAULT_TIMEOUT }: CheckDefinition): number {
  return Timeout > 0 ? Timeout : Math.min(Interval, DEFAULT_TIMEOUT);
}

function inGo(error: NodeJS.ErrnoException, host: string, port: string): string {
  if (error.code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  return error.message;
}

function capitalized(method: string): string {
  return method.slice(0, 1) + method.slice(1).toLowerCase();
}
