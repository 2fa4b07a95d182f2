import * as http from 'node:http';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** undefined where it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: Consul's JSON, looked at field by field
  json: any;
  /** X-Consul-Index */
  index: number;
}

export interface Asking {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** One request on a connection of its own; text and buffers are sent as they are, all else as JSON. */
export function ask(
  base: string,
  method: string,
  path: string,
  { body, headers = {}, signal }: Asking = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, ...(signal && { signal }) };
    const request = http.request(base + path, options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: parsed(text),
          index: Number(response.headers['x-consul-index']),
        });
      });
    });
    request.on('error', reject);
    request.end(
      body === undefined || typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body),
    );
  });
}

export function caller(base: string) {
  const send =
    (method: string) =>
    (path: string, body?: unknown, asking: Asking = {}) =>
      ask(base, method, path, { ...asking, ...(body !== undefined && { body }) });
  return {
    get: (path: string, asking: Asking = {}) => ask(base, 'GET', path, asking),
    put: send('PUT'),
    delete: (path: string, asking: Asking = {}) => ask(base, 'DELETE', path, asking),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
