import { orAbort } from '../abort.ts';
import type { ServiceName } from '../dns/name.ts';
import { ServiceNotFoundError } from '../errors.ts';
import type { Outcome, Parts } from './parts.ts';
import { perName } from './per-name.ts';
import type { ResolveOptions } from './resolver.ts';
import { splitToken } from './tokens.ts';

/** Of one part, for one name. */
interface Standing {
  /** Why it failed the last time; "nothing there" is no failure. */
  failure: unknown;
  /** The question that goes on after those who asked have left. */
  asking: Promise<Outcome> | undefined;
  /** Those who wait for a change and are to learn that it answers again. */
  readonly absent: Set<() => void>;
}

type Outcomes = (Outcome | undefined)[];

/**
 * Asks all parts at once and tells what each made of it.
 *
 * A part that failed the last time is asked too, once at a time, but nobody waits for it as long as another one has something: a dead
 * part must not slow down the living ones. When it answers again, the next question takes it in.
 */
export class Together {
  readonly #parts: Parts;
  readonly #standings: (name: ServiceName) => Standing[];

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#standings = perName(() =>
      parts.resolvers.map((): Standing => ({ failure: undefined, asking: undefined, absent: new Set() })),
    );
  }

  /** @throws ClosedError; the signal's reason; InvalidNameError. What the parts throw stands in their outcomes. */
  async ask(name: ServiceName, { after, ...options }: ResolveOptions): Promise<readonly Outcome[]> {
    const { signal } = options;
    this.#parts.mustAnswer(signal);
    const standings = this.#standings(name);
    const tokens = splitToken(after, standings.length);
    const outcomes: Outcomes =
      tokens === undefined ? [] : await this.#changed(name, options, tokens, standings);
    this.#parts.mustAnswer(signal);
    const alongside = standings.map((standing, part) =>
      standing.failure === undefined || outcomes[part] !== undefined
        ? undefined
        : this.#askAlongside(standing, part, name, outcomes),
    );
    const waitedFor = standings.map(async (standing, part) => {
      if (alongside[part] === undefined)
        outcomes[part] = note(
          standing,
          outcomes[part] ?? (await this.#parts.ask(part, name, options)),
          signal,
        );
    });
    await Promise.all(waitedFor);
    this.#parts.mustAnswer(signal);
    if (!outcomes.some((outcome) => outcome?.found !== undefined)) {
      await orAbort(Promise.all(alongside), signal);
      this.#parts.mustAnswer(signal);
    }
    return standings.map(({ failure }, part) => outcomes[part] ?? { error: failure });
  }

  async #askAlongside(
    standing: Standing,
    part: number,
    name: ServiceName,
    outcomes: Outcomes,
  ): Promise<void> {
    standing.asking ??= this.#parts.ask(part, name, { fresh: true, background: true });
    const outcome = await standing.asking;
    standing.asking = undefined;
    outcomes[part] = note(standing, outcome, undefined);
    if (outcome.found !== undefined) for (const tell of standing.absent) tell();
  }

  /**
   * Waits until the set of any part with a token is another one than that names, or until one without, which failed, was asked by somebody
   * else and answered. The outcomes that say so.
   */
  async #changed(
    name: ServiceName,
    options: ResolveOptions,
    tokens: readonly (string | undefined)[],
    standings: readonly Standing[],
  ): Promise<Outcomes> {
    const { signal } = options;
    const waiting = new AbortController();
    const stop = () => waiting.abort(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    const outcomes: Outcomes = [];
    const questions = tokens.flatMap((after, part) => (after === undefined ? [] : [{ after, part }]));
    const answers = questions.map(async ({ after, part }) => {
      const outcome = await this.#parts.ask(part, name, { ...options, after, signal: waiting.signal });
      if (!waiting.signal.aborted) outcomes[part] = outcome;
    });
    const absent = standings.filter((_, part) => tokens[part] === undefined);
    let tell = () => {};
    const returned = new Promise<void>((resolve) => {
      tell = resolve;
    });
    for (const standing of absent) standing.absent.add(tell);
    await Promise.race([...answers, returned]);
    for (const standing of absent) standing.absent.delete(tell);
    signal?.removeEventListener('abort', stop);
    waiting.abort();
    return outcomes;
  }
}

/** @param signal of the question: what it ended says nothing about the part. */
function note(standing: Standing, outcome: Outcome, signal: AbortSignal | undefined): Outcome {
  const { error } = outcome;
  if (!signal?.aborted) standing.failure = error instanceof ServiceNotFoundError ? undefined : error;
  return outcome;
}
