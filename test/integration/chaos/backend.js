/**
 * One instance of a service, a process of its own: what ends it ends it as a crash or a deployment would. Started by Backend.
 */
import { createServer } from 'node:http';

const id = process.argv[2];
/** @type {import('./backend.ts').Behaviour} */
let behaviour = { delay: 0, status: 200 };
let served = 0;
let leaving = false;

const server = createServer((request, response) => {
  if (request.url === '/health') {
    response.writeHead(leaving ? 503 : 200).end();
    return;
  }
  served++;
  const answer = () => {
    // What a server says that is about to go: no further request on this connection.
    if (leaving) response.setHeader('connection', 'close');
    response.writeHead(behaviour.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id, url: request.url, host: request.headers.host }));
  };
  if (behaviour.delay > 0) setTimeout(answer, behaviour.delay);
  else answer();
});

process.on('message', (/** @type {Partial<import('./backend.ts').Behaviour> | 'served'} */ told) => {
  if (told === 'served') process.send?.({ served });
  else behaviour = { ...behaviour, ...told };
});
process.on('SIGTERM', () => {
  leaving = true;
  // Idle connections end at once, the others with what is under way on them.
  server.close(() => process.exit(0));
});
// Nobody is left who could end it.
process.on('disconnect', () => process.exit(1));

server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
});
