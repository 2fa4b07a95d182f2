/** What stands in place of a secret. */
const blotted = '(secret)';

/**
 * The text without the secrets, in whichever form an answer repeats them: as they are, in a URL, in JSON as Node and as Go write it, in
 * base64.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = new Set(secrets.flatMap(formsOf));
  // The longer first: one may be a part of another.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return ordered.reduce((shown, form) => shown.replaceAll(form, blotted), text);
}

/** The same for an error and those it was caused by; in place, since their kind has to stay. */
export function errorWithoutSecrets<T>(error: T, secrets: readonly string[], depth = 0): T {
  if (!(error instanceof Error) || depth > 8) return error;
  error.message = withoutSecrets(error.message, secrets);
  error.stack = withoutSecrets(error.stack ?? '', secrets);
  // The bytes that the parser of HTTP did not understand.
  delete (error as { rawPacket?: unknown }).rawPacket;
  errorWithoutSecrets(error.cause, secrets, depth + 1);
  if (error instanceof AggregateError)
    for (const one of error.errors) errorWithoutSecrets(one, secrets, depth + 1);
  return error;
}

/** The parts of `user:password` that are to be kept. */
export function secretsOfAuth(auth: string | undefined): string[] {
  if (auth === undefined) return [];
  const password = auth.slice(auth.indexOf(':') + 1);
  return [auth, password].filter((one) => one !== '');
}

function formsOf(secret: string): string[] {
  if (secret === '') return [];
  const json = JSON.stringify(secret).slice(1, -1);
  const go = json.replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  return [secret, encodeURIComponent(secret), json, go, Buffer.from(secret).toString('base64')];
}
