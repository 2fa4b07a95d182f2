import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * A TCP port that nobody listens on at this moment. Somebody else may take it before you do: listening on port 0 and registering what
 * `server.address().port` says is safer where the program allows it.
 *
 * @param host the address to listen on. Default: all of them.
 */
export async function freePort(host?: string): Promise<number> {
  const server = createServer();
  server.listen({ port: 0, exclusive: true, ...(host !== undefined && { host }) });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
