import { ServiceNotFoundError } from '../errors.ts';
import type { Outcome } from './parts.ts';

/** What names the state that a part is in; "nothing there" is one too. */
export function tokenOf({ found, error }: Outcome): string | undefined {
  return error instanceof ServiceNotFoundError ? error.token : found?.token;
}

/** One token for the state of several parts: there is one only where each part gave its own. */
export function joinTokens(tokens: readonly (string | undefined)[]): string | undefined {
  return tokens.every((token) => token !== undefined) ? joinKnownTokens(tokens) : undefined;
}

/** The same for the state of those that gave one: the others are waited for by nobody. */
export function joinKnownTokens(tokens: readonly (string | undefined)[]): string | undefined {
  return tokens.some((token) => token !== undefined) ? JSON.stringify(tokens) : undefined;
}

/** The parts' tokens again; `undefined` for what was not joined here from so many, which names no state. */
export function splitToken(
  token: string | undefined,
  parts: number,
): readonly (string | undefined)[] | undefined {
  if (token === undefined) return undefined;
  try {
    const tokens: unknown = JSON.parse(token);
    const fits = Array.isArray(tokens) && tokens.length === parts;
    if (!fits || !tokens.every((one) => one === null || typeof one === 'string')) return undefined;
    return tokens.some((one) => one !== null) ? tokens.map((one) => one ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}
