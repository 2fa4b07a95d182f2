import type { Client } from './client.ts';

export interface Load {
  /** ms, until the last request begins. */
  readonly duration?: number;
  /** The most requests there may be. */
  readonly requests?: number;
  /** Gets the time of each request, in ms; a loop ends when it is full. */
  readonly times?: Float64Array;
}

const inFlight = 16;

/** 16 requests at once, the next when one has ended. Returns how many there were; rejects where one fails. */
export async function closedLoop(
  client: Client,
  { duration = Number.POSITIVE_INFINITY, requests = Number.POSITIVE_INFINITY, times }: Load,
): Promise<number> {
  const most = Math.min(requests, times?.length ?? Number.POSITIVE_INFINITY);
  const end = performance.now() + duration;
  let begun = 0;
  let ended = 0;
  const requestAfterRequest = async () => {
    for (;;) {
      const start = performance.now();
      if (start >= end || begun >= most) return;
      begun++;
      const body = await client.request();
      if (body.length === 0) throw new Error('a response without a body');
      if (times !== undefined) times[ended] = performance.now() - start;
      ended++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, requestAfterRequest));
  return ended;
}
