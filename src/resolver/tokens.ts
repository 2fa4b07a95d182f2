/** One token for the state of several parts: there is one only where each part gave its own. */
export function joinTokens(tokens: readonly (string | undefined)[]): string | undefined {
  return tokens.length > 0 && tokens.every((token) => token !== undefined)
    ? JSON.stringify(tokens)
    : undefined;
}

/** The parts' tokens again; `undefined` for what was not joined here from so many, which names no state. */
export function splitToken(token: string | undefined, parts: number): readonly string[] | undefined {
  if (token === undefined) return undefined;
  try {
    const tokens: unknown = JSON.parse(token);
    const fits = Array.isArray(tokens) && tokens.length === parts;
    return fits && tokens.every((one) => typeof one === 'string') ? tokens : undefined;
  } catch {
    return undefined;
  }
}
