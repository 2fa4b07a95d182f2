import { type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';

export type Handler = (question: Question) => Reply | Read | Promise<Reply | Read>;

export type Method = 'GET' | 'PUT' | 'DELETE' | 'POST';

/** By method, in the order Consul names them. */
export type Endpoint = Partial<Record<Method, Handler>>;

/** By path; one that ends in a slash has all paths below it. */
export type Routes = Readonly<Record<string, Endpoint>>;

export interface Route {
  endpoint: Endpoint;
  /** What comes after the endpoint's own path. */
  rest: string;
}

/** The endpoint of a path; undefined where Consul knows none. */
export function routeOf(routes: Routes, path: string): Route | undefined {
  const exact = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (exact !== undefined) return { endpoint: exact, rest: '' };
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const prefix = path.slice(0, end + 1);
    if (Object.hasOwn(routes, prefix)) return { endpoint: routes[prefix]!, rest: path.slice(end + 1) };
  }
  return undefined;
}

/** @throws Refusal 405, with what is allowed. */
export function handlerOf({ endpoint }: Route, method: string): Handler {
  const allow = ['OPTIONS', ...Object.keys(endpoint)].join(',');
  if (method === 'OPTIONS') return () => ({ headers: { Allow: allow } });
  const handler = endpoint[method as Method];
  if (handler === undefined) throw new Refusal(405, `method ${method} not allowed`, { Allow: allow });
  return handler;
}
