import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.ts';
import type { Warnings } from './diagnostics.ts';
import type { Disappearances } from './disappearances.ts';
import type { ServiceName } from './dns/name.ts';
import { type ClosedError, ServiceNotFoundError } from './errors.ts';
import { type Hold, holdFor } from './hold.ts';
import { Push } from './push.ts';
import type { Random } from './random.ts';
import type { RefreshBudget } from './refresh-budget.ts';
import { RefreshSchedule } from './refresh-schedule.ts';
import { addressesOf, type Membership, membersOf, noMembers, settle } from './resolver/membership.ts';
import type { Address, Resolution, Resolver } from './resolver/resolver.ts';
import type { Change } from './snapshot.ts';

/** Lists that outlive the process. */
export interface LastLists {
  /** `age` in ms. `undefined` where nothing recent enough is kept. */
  read(key: string): { readonly addresses: readonly Address[]; readonly age: number } | undefined;
  write(key: string, addresses: readonly Address[]): void;
}

export interface RefreshLoopSetup {
  readonly name: ServiceName;
  /** Canonical DNS name. */
  readonly key: string;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly random: Random;
  readonly hold: Hold;
  /** The shortest refresh interval, in ms. */
  readonly interval: number;
  readonly budget: RefreshBudget;
  readonly warnings: Warnings;
  /** What happens to all services of the discovery together. */
  readonly disappearances: Disappearances;
  /** Lists of an earlier run of the program, where that is asked for. */
  readonly lastGood?: LastLists | undefined;
  /** A question is due; the owner decides whether to ask it. */
  readonly onDue: () => void;
  /** The addresses from now on. Must not throw. */
  readonly onList: (addresses: readonly Address[], why: Change['why']) => void;
}

/** In ms. */
const hintsApart = 1_000;

/**
 * Asks for one service again and again, and decides what an answer, an empty answer and a failure do to its list: here are the
 * hold timers, and nowhere else.
 */
export class RefreshLoop {
  readonly #setup: RefreshLoopSetup;
  readonly #schedule: RefreshSchedule;
  readonly #lifetime = new AbortController();
  readonly #push: Push;
  #members: Membership = noMembers;
  #emptySince: number | undefined;
  /** When that was last said, and whether nothing at all was said since. */
  #emptyAt = 0;
  #silentSinceEmpty = false;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #hintedAt = Number.NEGATIVE_INFINITY;
  /** Whether a list of an earlier run stood in: it does so once. */
  #recalled = false;
  /** What was last said, whether held or not: in words of its own where it was that there is nothing. */
  #said: readonly Address[] | 'nothing' | undefined;
  /** How often the source said something unasked. */
  #pushes = 0;
  #asking: Promise<void> | undefined;
  /** Whether the question under way goes past the cache. */
  #askingFresh = false;
  /** The newest list that came, while it is used; and why the newest question brought none, if it did not. */
  last: Resolution | undefined;
  error: unknown;
  refreshes = 0;
  failures = 0;

  constructor(setup: RefreshLoopSetup) {
    const { clock, random, budget, interval, onDue } = setup;
    this.#setup = setup;
    this.#schedule = new RefreshSchedule(clock, random, budget, interval, onDue);
    // One listener a question in flight: how many those are is bounded elsewhere.
    setMaxListeners(0, this.#lifetime.signal);
    this.#push = new Push({
      ...setup,
      onChange: (now) => this.#pushed(now),
      onFailure: () => this.askInTurn(),
    });
  }

  /** Milliseconds since a list last came. */
  get age(): number {
    return this.#setup.clock.now() - this.#confirmedAt;
  }

  /** Milliseconds until the next question, while one is planned. */
  get untilNext(): number | undefined {
    const { next } = this.#schedule;
    // A timer may be late.
    return next === undefined ? undefined : Math.max(0, next - this.#setup.clock.now());
  }

  /**
   * One question at a time; who comes meanwhile shares it, unless it may be answered from memory and that is not wanted: after a
   * failure it never is.
   */
  ask(fresh: boolean): Promise<void> {
    if (this.#asking !== undefined && fresh && !this.#askingFresh) {
      const afterwards = () => this.ask(true);
      return witnessed(this.#asking.then(afterwards, afterwards));
    }
    if (this.#asking === undefined) {
      this.#askingFresh = fresh || this.error !== undefined;
      const over = () => {
        this.#asking = undefined;
      };
      this.#asking = witnessed(this.#askNow(this.#askingFresh).finally(over));
    }
    return this.#asking;
  }

  /** Asks past the cache as soon as the refresh budget allows. Nobody waits for it: who comes to wait calls `ask()`. */
  askInTurn(): void {
    this.#schedule.inTurn(() => void this.ask(true));
  }

  /** Nothing is asked or waited for until the next `ask()`. */
  rest(): void {
    this.#push.stop();
  }

  /**
   * The list may be out of date: an instance cannot be reached. Asks soon, at most once a second. Not while Consul itself fails, whose
   * retries have a pace of their own.
   */
  hint(): void {
    const now = this.#setup.clock.now();
    if (this.error !== undefined || this.#asking !== undefined || now - this.#hintedAt < hintsApart) return;
    this.#hintedAt = now;
    this.askInTurn();
  }

  /** Ends the asking; who waits is told `reason`. */
  stop(reason: ClosedError): void {
    this.#push.stop();
    this.#lifetime.abort(reason);
    this.#schedule.stop();
    this.#setup.warnings.gone(this.#setup.key);
    this.#setup.disappearances.gone(this.#setup.key);
  }

  async #askNow(fresh: boolean): Promise<void> {
    const { resolver, name } = this.#setup;
    const { signal } = this.#lifetime;
    signal.throwIfAborted();
    this.#schedule.begin();
    const before = this.#pushes;
    // What comes after a push may be older than that. If it is newer, the next push is under way.
    const isOvertaken = () => this.#pushes !== before && this.error === undefined;
    try {
      const continued = this.refreshes > 0 && membersOf(this.#members) > 0;
      const resolution = await resolver.resolve(name, { fresh, signal, background: true, continued });
      signal.throwIfAborted();
      if (!isOvertaken()) this.#answered(resolution);
    } catch (error) {
      signal.throwIfAborted();
      if (isOvertaken()) return;
      this.#notAnswered(error);
      throw error;
    }
  }

  /** The source said by itself that something changed. */
  #pushed(now: Resolution | ServiceNotFoundError): void {
    this.#pushes++;
    try {
      if (now instanceof ServiceNotFoundError) throw now;
      this.#answered(now, true);
    } catch (error) {
      this.#notAnswered(error);
    }
  }

  #notAnswered(error: unknown): void {
    this.error = error;
    this.failures++;
    // A failure says nothing of what is waited for.
    if (!(error instanceof ServiceNotFoundError)) {
      this.#failed(error);
      return;
    }
    const news = this.#said !== 'nothing';
    this.#said = 'nothing';
    this.#answeredNothing(error);
    if (!this.#lifetime.signal.aborted) this.#push.after(error.token, news);
  }

  #answered(resolution: Resolution, pushed = false): void {
    const { key, clock, warnings, disappearances, lastGood, onList } = this.#setup;
    if (resolution.addresses.length === 0) {
      const who = resolution.origin?.server ?? 'the source';
      throw new ServiceNotFoundError(`${key}: ${who} answered an empty list.`, { token: resolution.token });
    }
    this.last = resolution;
    this.error = undefined;
    this.refreshes++;
    this.#confirmedAt = clock.now() - (resolution.age ?? 0);
    this.#emptySince = undefined;
    disappearances.listed(key);
    warnings.available(key);
    warnings.over('SERVICE_EMPTY', key);
    if (!disappearances.general) warnings.over('SERVICES_VANISHED');
    this.#members = settle(this.#members, resolution);
    // Armed first: who gets the list may end the loop.
    if (pushed) this.#schedule.afterNews(resolution.ttl);
    else this.#schedule.afterSuccess(resolution.ttl);
    const addresses = addressesOf(this.#members);
    lastGood?.write(key, addresses);
    const { token } = resolution;
    // What cannot tell of changes, as DNS, is not compared.
    this.#push.after(token, token !== undefined && this.#isNews(resolution.addresses));
    onList(addresses, 'resolved');
  }

  /** A cache gives the same objects where nothing changed; where there is none, all is taken for news. */
  #isNews(addresses: readonly Address[]): boolean {
    const before = this.#said;
    this.#said = addresses;
    if (before === undefined || before === 'nothing' || before.length !== addresses.length) return true;
    return addresses.some((address, i) => address !== before[i]);
  }

  /** Consul says there is nothing. A good list is held for a while: it may be an agent or a token that is broken. */
  #answeredNothing(cause: ServiceNotFoundError): void {
    const { key, clock, hold, warnings, disappearances } = this.#setup;
    warnings.available(key);
    const held = membersOf(this.#members);
    if (held > 0 && disappearances.vanished(key)) {
      this.#vanishedWithOthers(cause);
      return;
    }
    this.#emptySince = this.#emptinessBegan();
    const left = this.#emptySince + hold.empty - clock.now();
    this.#schedule.afterFailure(held > 0 && left > 0 ? left : undefined);
    if (held === 0) return;
    if (left <= 0) {
      this.#expire();
      return;
    }
    const time =
      left === Number.POSITIVE_INFINITY ? 'until there is another' : `for ${Math.round(left / 1000)} s`;
    const message = `${cause.message} The last list (${held} endpoints) is held ${time}.`;
    warnings.once({ code: 'SERVICE_EMPTY', service: key, message, cause });
  }

  /** Time in which nobody answered says nothing about emptiness: it does not count. */
  #emptinessBegan(): number {
    const now = this.#setup.clock.now();
    const unknown = this.#silentSinceEmpty ? now - this.#emptyAt : 0;
    this.#emptyAt = now;
    this.#silentSinceEmpty = false;
    return this.#emptySince === undefined ? now : this.#emptySince + unknown;
  }

  /** Most services are answered by nothing all at once: an error of Consul or of its token, so this is no emptiness. */
  #vanishedWithOthers(cause: ServiceNotFoundError): void {
    const { key, hold, warnings } = this.#setup;
    // Should this service alone turn out to be empty, its time begins when that shows.
    this.#emptySince = undefined;
    this.#emptySince = this.#emptinessBegan();
    const left = hold.error - this.age;
    this.#schedule.afterFailure(left > 0 ? left : undefined);
    if (left <= 0) {
      this.#expire();
      return;
    }
    const message = `Most services are answered by "there is nothing" since a moment ago, ${key} among them: an expired or changed ACL token, or an agent that lost its checks, rather than so many empty services. Their last lists are used on. ${cause.message}`;
    warnings.once({ code: 'SERVICES_VANISHED', service: key, message, cause });
  }

  /** Nobody answered. The last list stands (static stability: an outage of Consul must not become ours). */
  #failed(cause: unknown): void {
    const { key, hold, warnings } = this.#setup;
    const time = holdFor(hold, cause);
    this.#silentSinceEmpty = true;
    if (this.#mayRecall) this.#recall(time);
    // Who is told of a list, or of a file, may end the loop.
    if (this.#lifetime.signal.aborted) return;
    const left = time - this.age;
    const kept = left > 0 ? membersOf(this.#members) : 0;
    this.#schedule.afterFailure(kept > 0 ? left : undefined);
    const list = kept > 0 ? `the last list (${kept} endpoints) is used on` : 'there is no list to use';
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${key}: refreshing failed; ${list}, and the question is repeated. ${why}`;
    warnings.unavailable({ code: 'CONSUL_UNAVAILABLE', service: key, message, cause });
    if (left <= 0 && membersOf(this.#members) > 0) this.#expire();
  }

  /** Not where this run had a list, nor where Consul says for longer than that is held off that there is nothing. */
  get #mayRecall(): boolean {
    const { clock, hold } = this.#setup;
    const denied = this.#emptySince !== undefined && clock.now() - this.#emptySince >= hold.empty;
    return this.refreshes === 0 && !this.#recalled && !denied;
  }

  /** The list of an earlier run, where it is not older than `time` already. */
  #recall(time: number): void {
    const { key, clock, lastGood, disappearances, onList } = this.#setup;
    const kept = lastGood?.read(key);
    if (kept === undefined || kept.addresses.length === 0 || kept.age >= time) return;
    this.#recalled = true;
    // Should Consul come back with nothing for most services, these lists are to be kept as well.
    disappearances.listed(key);
    this.#confirmedAt = clock.now() - kept.age;
    this.#members = settle(noMembers, { addresses: kept.addresses, ttl: 0, complete: true });
    onList(kept.addresses, 'recalled');
  }

  #expire(): void {
    this.#members = noMembers;
    this.last = undefined;
    this.#setup.onList([], 'expired');
  }
}

/** Background questions may fail without anybody waiting: the failure stands in the snapshot and in a warning. */
function witnessed(work: Promise<void>): Promise<void> {
  work.catch(() => {});
  return work;
}
