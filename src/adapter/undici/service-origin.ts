/** A URL's origin in its parts, as far as they say who is meant. */
export interface Origin {
  readonly text: string;
  readonly hostname: string;
  /** `''` where it is that of the scheme. */
  readonly port: string;
  readonly secure: boolean;
}

/** `undefined` for what is no http or https URL: undici will say what it thinks of it. */
export function originOf(given: string | URL | undefined): Origin | undefined {
  if (given === undefined) return undefined;
  let url: URL;
  try {
    url = typeof given === 'string' ? new URL(given) : given;
  } catch {
    return undefined;
  }
  const { protocol, hostname, port, origin: text } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  return { text, hostname, port, secure: protocol === 'https:' };
}
