// @ts-check
/**
 * A service: it registers itself with an HTTP check at the Consul of CONSUL_HTTP_ADDR, and drains when it is told to end.
 *
 *     CONSUL_HTTP_ADDR=127.0.0.1:8500 node examples/end-to-end/service.js anna
 */
import { createServer } from 'node:http';
import { createConsul, freePort } from 'consul-dns-balancer/consul';

const name = process.argv[2] ?? 'anna';
const port = await freePort();

const server = createServer((request, response) => {
  if (request.url === '/health') response.end('ok');
  else response.end(`${name} says hello`);
});
await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));

const consul = createConsul();
await consul.register(
  {
    name: 'greeter',
    id: `greeter-${name}`,
    address: '127.0.0.1',
    port,
    meta: { person: name },
    check: { http: '/health', interval: 1_000, timeout: 500 },
  },
  // Maintenance first, so that callers go elsewhere; then off the list; then the signal does what it always does.
  { onShutdown: { grace: 2_500 } },
);
console.log(`${name} listens on ${port}`);
