import { brokeByItself } from './request-body.ts';

const callersCodes = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  // Of a stream that was closed before its end.
  'UND_ERR_ABORTED',
  // Of something in a body that cannot be sent.
  'ERR_INVALID_ARG_TYPE',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
]);

/**
 * Whether a request itself brought an error of undici about: an option it refuses, a body that broke. Says nothing of an endpoint, and
 * would come about at every other one.
 *
 * @param sending whether undici is just looking at the request.
 */
export function isCallersMistake(
  request: { readonly body?: unknown },
  error: unknown,
  sending: boolean,
): boolean {
  const { code } = Object(error) as { code?: unknown };
  // Two of undici's own have no code: of a header that cannot be text, of parameters beside parameters.
  const spotted = sending && code === undefined && (error instanceof TypeError || 'query' in request);
  return spotted || callersCodes.has(code as string) || brokeByItself(request.body, error);
}
