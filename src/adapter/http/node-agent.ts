import type { Agent, ClientRequest, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';

/** What a request asks of an agent: its own options, with `host` and `port` filled in by Node. */
export type AgentRequest = RequestOptions & { readonly servername?: string };

/** Takes a socket of the agent, or the reason why there is none. */
export type SocketTaker = (error: Error | null, socket?: Duplex) => void;

/**
 * What Node's agents have beside what is documented, alike in Node 20 to 26; agent-base and agentkeepalive live on the same.
 * Requests queue under the `getName()` of their socket; an empty queue must not stay there.
 */
export interface NodeAgent extends Agent {
  readonly requests: Record<string, ClientRequest[] | undefined>;
  readonly options: { readonly timeout?: number };
  /** Finds a free socket, makes one, or queues. */
  addRequest(request: ClientRequest, options: AgentRequest): void;
  /** Makes a socket for a request, or for the first of a queue when a socket of it has gone. */
  createSocket(request: ClientRequest, options: AgentRequest, take: SocketTaker): void;
}

/** Ends a request that never had a socket, with one 'error' and one 'close'; without an error as Node ends one that was destroyed. */
export function endUnsent(request: ClientRequest, error?: unknown): void {
  const { onSocket } = request as unknown as { onSocket(socket: null, error?: unknown): void };
  onSocket.call(request, null, error);
}
