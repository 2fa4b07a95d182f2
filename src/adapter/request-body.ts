import { Readable } from 'node:stream';

/** Whether a body is all there, so that it can be sent as often as wanted. Streams, iterables and forms (whose boundary is drawn at each sending) are not. */
export function isRepeatable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  return ArrayBuffer.isView(body) || body instanceof ArrayBuffer || body instanceof Blob;
}

/**
 * Whether nothing of it can have been read: sending it is its first sending.
 *
 * @param held whether somebody has it who may yet destroy it.
 */
export function isUntouched(body: unknown, held: boolean): boolean {
  return !isStream(body) || (!held && !Readable.isDisturbed(body as Readable));
}

/**
 * Whether a request failed because its own body did: a stream that broke, an iterable that threw. Nobody but the caller has to do with
 * that. Errors of the network and of undici have codes.
 */
export function brokeByItself(body: unknown, error: unknown): boolean {
  if (isRepeatable(body)) return false;
  if (isStream(body)) return (body as { errored?: unknown }).errored === error;
  return typeof Object(error).code !== 'string';
}

function isStream(body: unknown): body is NodeJS.ReadableStream {
  return typeof Object(body).pipe === 'function';
}
