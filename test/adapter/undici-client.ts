import type { RequestListener, ServerResponse } from 'node:http';
import type * as Undici from 'undici';
import { expect, vi } from 'vitest';
import { createDispatcher, type DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { type Instance, ownPort } from './undici-instances.ts';

/** Asks through a dispatcher of ours, one request after the other over one connection. */
export function clientOf(undici: typeof Undici, discovery: Discovery, options: DispatcherOptions = {}) {
  const dispatcher = createDispatcher(discovery, { undici, ...options });
  const get = async (url = 'http://web.service.consul/', more: object = {}) => {
    const { statusCode, body } = await undici.request(url, { dispatcher, ...more });
    const text = await body.text();
    // undici sees that a connection is free again a moment after the end of the body.
    await new Promise(setImmediate);
    return { statusCode, text };
  };
  return { dispatcher, get };
}

/** Answers `/` at once, and all else when it is told to. */
export function onDemand() {
  const waiting: ServerResponse[] = [];
  const answer: RequestListener = (request, response) => {
    if (request.url === '/') ownPort(request, response);
    else waiting.push(response);
  };
  return {
    answer,
    async asked(count = 1) {
      await vi.waitFor(() => expect(waiting.length).toBe(count), { interval: 1 });
    },
    release() {
      for (const response of waiting.splice(0)) response.end('at last');
    },
  };
}

/** Becomes true some time soon. */
export const soon = (what: () => void) => vi.waitFor(what, { interval: 2, timeout: 5_000 });

export const open = (of: readonly Instance[]) => of.map(({ sockets }) => sockets.size);
export const accepted = (of: readonly Instance[]) => of.map((each) => each.accepted);
