import type { Undici } from './peer.ts';

type Input = Parameters<Undici['fetch']>[0];
type Init = NonNullable<Parameters<Undici['fetch']>[1]>;

/**
 * The arguments of a fetch as this undici knows them. A `Request` and a `FormData` of Node's own are of other classes than those of an
 * undici that is installed, which would take the one for a URL and send `[object FormData]` for the other. Nothing of a body is copied.
 */
export function inOwnObjects(undici: Undici, input: Input, init: Init | undefined): [Input, Init] {
  const asked = isForeign(input, globalThis.Request, undici.Request)
    ? new undici.Request(input.url, input as never)
    : input;
  const { body } = init ?? {};
  if (!isForeign(body, globalThis.FormData, undici.FormData)) return [asked, init ?? {}];
  const form = new undici.FormData();
  for (const [name, value] of body) form.append(name, value as never);
  return [asked, { ...init, body: form }];
}

function isForeign<T>(
  value: unknown,
  nodes: abstract new (...args: never[]) => T,
  own: abstract new (...args: never[]) => unknown,
): value is T {
  return value instanceof nodes && !(value instanceof own);
}
