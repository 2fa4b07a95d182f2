import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that takes its time, and remembers who asked: checks that Consul makes say so by a header of theirs. */
export async function checkedServer(delay: number) {
  const asked: string[] = [];
  const server = createServer(({ method, url, headers }, response) => {
    asked.push(`${method} ${url} by ${headers['x-from'] ?? 'a probe'}`);
    setTimeout(() => response.end(), delay);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
