import { orAbort } from '../abort.ts';
import { fields, number } from '../checks.ts';
import type { ServiceName } from '../dns/name.ts';
import { noneFound } from './none-found.ts';
import {
  type CombinedResolver,
  type Outcome,
  Parts,
  type PartsOptions,
  partsFields,
  partsOf,
} from './parts.ts';
import { perName } from './per-name.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver.ts';
import { Standing } from './standing.ts';
import { joinTokens, splitToken } from './tokens.ts';

export interface FailoverOptions extends PartsOptions {
  /** For how long in a row a better resolver must have answered well before it is used again, in ms. Default 30 000. */
  readonly hold?: number;
}

const checkFailover = fields({ ...partsFields, hold: number(0, Number.POSITIVE_INFINITY) });

/**
 * The first of several resolvers that has instances: `failover(first, second, …)`, options last.
 *
 * Goes on to the next one where one fails or finds nothing. While a worse one is used, the better ones are asked alongside, at each
 * question, and nobody waits for them; a better one is used again when it has answered well for `hold` in a row. `origin` says
 * who answered. Rejects when none has anything. With `after` it waits only while the first one is used. Closing it closes
 * them.
 *
 * @throws InvalidOptionError
 */
export function failover(
  first: Resolver,
  second: Resolver,
  ...more: [...Resolver[]] | [...Resolver[], FailoverOptions]
): CombinedResolver {
  const { resolvers, options } = partsOf([first, second, ...more], 2, checkFailover, 'failover');
  const parts = new Parts(resolvers, options);
  const course = new Course(parts, options.hold ?? 30_000);
  return parts.combined((name, asked) => course.resolve(name, asked));
}

class Course {
  readonly #parts: Parts;
  readonly #hold: number;
  readonly #standings: (name: ServiceName) => readonly Standing[];

  constructor(parts: Parts, hold: number) {
    this.#parts = parts;
    this.#hold = hold;
    this.#standings = perName(() => parts.resolvers.map(() => new Standing()));
  }

  async resolve(name: ServiceName, options: ResolveOptions): Promise<Resolution> {
    const { signal } = options;
    this.#parts.mustAnswer(signal);
    const standings = this.#standings(name);
    const outcomes: (Outcome | undefined)[] = standings.map(() => undefined);
    const pending = new Map<number, Promise<void>>();
    const preferred = standings.findIndex(({ isUp }) => isUp);
    for (;;) {
      const lead = standings.findIndex(({ isUp }, part) => isUp && !isMiss(outcomes[part]));
      // With the preferred one gone, what is not trusted yet is better than what is worse.
      const any = lead < 0 || lead > preferred;
      const best = any ? outcomes.findIndex((outcome) => outcome?.found !== undefined) : lead;
      const found = outcomes[best]?.found;
      if (found !== undefined) return this.#use(found, best, standings);
      if (outcomes.every(isMiss)) throw noneFound('failover', outcomes as Outcome[]);
      for (const [part, standing] of standings.entries()) {
        if (pending.has(part) || outcomes[part] !== undefined || (lead >= 0 && part > lead)) continue;
        const asked =
          part === lead ? this.#ask(standing, part, name, options) : this.#askAlongside(standing, part, name);
        const settled = asked.then((outcome) => {
          outcomes[part] = outcome;
          pending.delete(part);
        });
        pending.set(part, settled);
      }
      await orAbort(Promise.race(pending.values()), signal);
      this.#parts.mustAnswer(signal);
    }
  }

  #use(found: Resolution, part: number, standings: readonly Standing[]): Resolution {
    const now = this.#parts.clock.now();
    standings[part]!.trust();
    for (const worse of standings.slice(part + 1)) worse.forget(now, this.#hold);
    const { token, ...rest } = found;
    const own = part === 0 ? joinTokens([token]) : undefined;
    return own === undefined ? rest : { ...rest, token: own };
  }

  async #ask(
    standing: Standing,
    part: number,
    name: ServiceName,
    { after, ...options }: ResolveOptions,
  ): Promise<Outcome> {
    // The others have to be asked now and then for their turn to come.
    const own = part === 0 ? splitToken(after, 1)?.[0] : undefined;
    const outcome = await this.#parts.ask(part, name, { ...options, after: own });
    // What the caller ended says nothing about the part.
    if (!options.signal?.aborted) this.#note(standing, outcome);
    return outcome;
  }

  #askAlongside(standing: Standing, part: number, name: ServiceName): Promise<Outcome> {
    standing.asking ??= this.#parts.ask(part, name, { fresh: true, background: true }).then((outcome) => {
      standing.asking = undefined;
      this.#note(standing, outcome);
      return outcome;
    });
    return standing.asking;
  }

  #note(standing: Standing, outcome: Outcome): void {
    standing.note(outcome, this.#parts.clock.now(), this.#hold);
  }
}

function isMiss(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && outcome.found === undefined;
}
