import * as http from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between a client and an agent, and writes down what is asked. */
export class CountingProxy {
  /** Verb and path of each request, in order. */
  readonly asked: string[] = [];
  readonly #server: http.Server;
  readonly #agent = new http.Agent({ keepAlive: true });

  private constructor(target: string) {
    this.#server = http.createServer((request, response) => {
      this.asked.push(`${request.method} ${request.url}`);
      const { method = 'GET', headers } = request;
      const onward = http.request(`${target}${request.url}`, { method, headers, agent: this.#agent });
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.on('close', () => onward.destroy());
      request.pipe(onward);
    });
  }

  static async before(target: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
