import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Counts connections, from 0. */
  readonly connection: number;
}

export interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly index?: number;
}

/** Answers one request, or takes the response into its own hands and says nothing. */
export type Script = (asked: Asked, response: ServerResponse) => Said | undefined | Promise<Said | undefined>;

/** An HTTP server that says what a test wants Consul to say. */
export class ScriptedAgent {
  readonly asked: Asked[] = [];
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();
  #connections = 0;
  #port = 0;
  script: Script;

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', async () => {
        const { method = '', url = '', headers, socket } = request;
        const body = Buffer.concat(parts).toString();
        const asked = { method, url, headers, body, connection: this.#sockets.get(socket) ?? -1 };
        this.asked.push(asked);
        const said = await this.script(asked, response);
        if (said !== undefined) say(response, said);
      });
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.set(socket, this.#connections++);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(script: Script, where: { port?: number; path?: string } = {}): Promise<ScriptedAgent> {
    const agent = new ScriptedAgent(script);
    const { path, port = 0 } = where;
    const options = path === undefined ? { port, host: '127.0.0.1' } : { path };
    await new Promise<void>((resolve) => agent.#server.listen(options, resolve));
    if (path === undefined) agent.#port = (agent.#server.address() as AddressInfo).port;
    return agent;
  }

  /** Also after `close()`. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Without a word. */
  breakConnections(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    this.breakConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function say(response: ServerResponse, { status = 200, headers, body, index }: Said): void {
  const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body ?? null);
  response.writeHead(status, { ...(index !== undefined && { 'x-consul-index': index }), ...headers });
  response.end(body === undefined ? undefined : text);
}

/** Turns the event loop until it is so; sockets need no more than that. */
export async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!what()) {
    if (Date.now() > deadline) throw new Error(`it did not come to ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A key as Consul writes it. */
export function rawEntry(key: string, value: string, modifyIndex: number, session?: string) {
  return {
    Key: key,
    Value: Buffer.from(value).toString('base64'),
    Flags: 0,
    ModifyIndex: modifyIndex,
    CreateIndex: 1,
    LockIndex: session === undefined ? 0 : 1,
    ...(session !== undefined && { Session: session }),
  };
}
