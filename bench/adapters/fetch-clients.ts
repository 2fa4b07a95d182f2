/** undici's fetch by itself. */
import { Agent, fetch, type Response } from 'undici';
import { type Client, cursorOver, keepAlive, type Place, path, wrongStatus } from './client.ts';

/** The floor: URLs by a cursor. They have the address in the Host header: a header of one's own costs fetch more than that. */
export function rawFetch({ origins }: Place): Client {
  const dispatcher = new Agent(keepAlive);
  const next = cursorOver(origins.map((origin) => origin + path));
  return {
    request: async () => textOf(await fetch(next(), { dispatcher })),
    close: () => dispatcher.close(),
  };
}

export function textOf(response: Response): Promise<string> {
  if (response.status !== 200) throw wrongStatus(response.status);
  return response.text();
}
