/** A URL's origin in its parts, as far as they say who is meant. */
export interface Origin {
  readonly text: string;
  readonly hostname: string;
  /** `''` where it is that of the scheme. */
  readonly port: string;
  readonly secure: boolean;
}

/** Programs call few origins, but URLs may come without end. */
const most = 1_000;

/** Reads origins, each once: that takes a microsecond. */
export class Origins {
  readonly #known = new Map<string, Origin | undefined>();

  of(given: string | URL | undefined): Origin | undefined {
    if (typeof given !== 'string') return originOf(given);
    const known = this.#known.get(given);
    if (known !== undefined || this.#known.has(given)) return known;
    if (this.#known.size >= most) this.#known.clear();
    const origin = originOf(given);
    this.#known.set(given, origin);
    return origin;
  }
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
