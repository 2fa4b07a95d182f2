/** The backends, in a process of their own: a node:http server at each address asked for. Says on request who was asked how often. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = JSON.stringify({ id: 1, name: 'Ada Lovelace', email: 'ada@example.com', since: '2024-01-01' });
const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };

const [hosts] = (await once(process, 'message')) as [readonly string[]];
const requests = hosts.map(() => 0);
const ports: number[] = [];
for (const [i, host] of hosts.entries()) {
  const server = createServer((_, response) => {
    requests[i]!++;
    response.writeHead(200, headers).end(body);
  });
  // No connection is closed while another contestant has its turn.
  server.keepAliveTimeout = 600_000;
  server.listen(0, host);
  await once(server, 'listening');
  ports.push((server.address() as AddressInfo).port);
}
process.send!(ports);
process.on('message', () => process.send!([...requests]));
process.once('disconnect', () => process.exit());
