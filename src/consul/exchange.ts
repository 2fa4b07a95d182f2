import type * as http from 'node:http';

/** What came back, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
}

/** The answer is longer than is taken. */
export class TooLongError extends Error {}

/** One request on its way: its answer, or why there is none. */
export class Exchange {
  readonly answer: Promise<Answer>;
  readonly #request: http.ClientRequest;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: unknown) => void;

  /** Sends it. @param longest bytes of an answer that are taken. */
  constructor(request: http.ClientRequest, body: Uint8Array | undefined, longest: number) {
    this.#request = request;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Cancelled before anybody listens, it is no failure of the process.
    this.answer.catch(() => {});
    request.on('error', this.#reject);
    // Where it is destroyed without a reason there is no error.
    request.on('close', () => this.#reject(broken()));
    // Who awaits holds the process; a watch must not.
    request.on('socket', (socket) => socket.unref());
    request.on('response', (response) => this.#receive(response, longest));
    request.end(body);
  }

  /** Calls `action` when there is a connection for it, at once if there is one. */
  onConnection(action: () => void): void {
    if (this.#request.socket) action();
    else this.#request.once('socket', action);
  }

  /** Rejects at once, also where the request waits for a connection. */
  cancel(reason: unknown): void {
    this.#reject(reason);
    this.#request.destroy();
  }

  #receive(response: http.IncomingMessage, longest: number): void {
    const { statusCode: status = 0, headers } = response;
    const parts: Buffer[] = [];
    let length = 0;
    const take = (more: number) => {
      length += more;
      if (length > longest) this.cancel(new TooLongError(`its answer has more than ${longest} bytes`));
    };
    if (this.#request.method !== 'HEAD' && Number(headers['content-length']) > longest) {
      take(Number(headers['content-length']));
      return;
    }
    response.on('data', (part: Buffer) => {
      take(part.length);
      if (length <= longest) parts.push(part);
    });
    response.on('error', this.#reject);
    response.on('end', () => {
      if (response.complete) this.#resolve({ status, headers, bytes: Buffer.concat(parts) });
      else this.#reject(broken());
    });
  }
}

function broken(): Error {
  return Object.assign(new Error('the connection was closed before the answer'), { code: 'ECONNRESET' });
}
