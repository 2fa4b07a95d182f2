import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../src/random.ts';
import type { Ledger } from './ledger.ts';
import type { ProxyMode } from './messages.ts';
import type { SoakInstance, World } from './world.ts';

/** A change is true everywhere this long after the agent has taken it, in ms: propagation takes a few, a busy machine more. */
const propagation = 1_500;
/**
 * After a restart checks may be critical until they are synchronized, and while a server reads its log again it answers with states of
 * the past, without a sign of it: instances show up that left long ago.
 */
const settling = 4_000;

export interface Surroundings {
  readonly world: World;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly proxy: (mode: ProxyMode) => Promise<void>;
  readonly reopen: (handle: string) => void;
  readonly handles: readonly string[];
  readonly services: Readonly<Record<string, number>>;
  /** True when the soak is over: whatever is under way ends soon. */
  readonly over: () => boolean;
}

type Event = 'register' | 'deregister' | 'fail' | 'pass' | 'empty' | 'kill' | 'partition' | 'loss' | 'reopen';

/** Instances a service may have, and how many it keeps at least, so that it is never empty by plan. */
const poolSize = 12;
const atLeast = 3;

/** Changes the world at speed, and writes down in the ledger what is true when. */
export class Script {
  readonly counts: Record<Event, number> = {
    register: 0,
    deregister: 0,
    fail: 0,
    pass: 0,
    empty: 0,
    kill: 0,
    partition: 0,
    loss: 0,
    reopen: 0,
  };
  readonly #with: Surroundings;
  readonly #pools: ReadonlyMap<string, readonly SoakInstance[]>;
  readonly #registered = new Set<SoakInstance>();
  readonly #healthy = new Set<SoakInstance>();

  constructor(surroundings: Surroundings) {
    this.#with = surroundings;
    this.#pools = new Map(
      Object.entries(surroundings.services).map(([service, port], i) => [
        service,
        Array.from({ length: poolSize }, (_, n) => ({ service, address: `10.${60 + i}.0.${n + 1}`, port })),
      ]),
    );
  }

  /** Half of each pool. */
  async begin(): Promise<void> {
    for (const pool of this.#pools.values())
      for (const instance of pool.slice(0, poolSize / 2)) await this.#register(instance);
    await sleep(propagation + 500);
  }

  /** Small changes several times a second, until it is over. */
  async churn(pause: number): Promise<void> {
    while (!this.#with.over()) {
      await sleep(pause * (0.5 + this.#with.random.fraction()));
      await this.#change();
    }
  }

  /** Now and then something that hurts, one at a time; `pause` ms between two. */
  async hurt(pause: number): Promise<void> {
    const kinds = [this.#partition, this.#loss, this.#kill, this.#empty];
    for (let turn = 0; !this.#with.over(); turn++) {
      await sleep(pause * (0.5 + this.#with.random.fraction()));
      if (!this.#with.over()) await kinds[turn % kinds.length]!.call(this);
    }
  }

  async #change(): Promise<void> {
    // While an agent is away nobody can be registered.
    if (this.#down) return;
    const { random, handles, reopen } = this.#with;
    const draw = random.below(100);
    if (draw < 4) {
      this.counts.reopen++;
      reopen(handles[random.below(handles.length)]!);
      return;
    }
    const instance = this.#anySettled();
    if (instance === undefined || instance.service === this.#emptied) return;
    const spare = this.#healthyOf(instance.service) > atLeast;
    if (!this.#registered.has(instance)) await this.#register(instance);
    else if (!this.#healthy.has(instance)) {
      if (draw < 70) await this.#setHealth(instance, true);
      else await this.#deregister(instance);
    } else if (!spare) return;
    else if (draw < 50) await this.#setHealth(instance, false);
    else await this.#deregister(instance);
  }

  #down = false;
  #emptied: string | undefined;

  get #all(): readonly SoakInstance[] {
    return [...this.#pools.values()].flat();
  }

  #anySettled(): SoakInstance | undefined {
    const { random, ledger } = this.#with;
    const instance = this.#all[random.below(this.#all.length)]!;
    return ledger.stateAt(keyOf(instance), Date.now()) === 'maybe' ? undefined : instance;
  }

  #healthyOf(service: string): number {
    return [...this.#healthy].filter((instance) => instance.service === service).length;
  }

  async #register(instance: SoakInstance): Promise<void> {
    this.counts.register++;
    await this.#become(instance, 'in', () => this.#with.world.register(instance));
    this.#registered.add(instance);
    this.#healthy.add(instance);
  }

  async #deregister(instance: SoakInstance): Promise<void> {
    this.counts.deregister++;
    this.#registered.delete(instance);
    this.#healthy.delete(instance);
    await this.#become(instance, 'out', () => this.#with.world.deregister(instance));
  }

  async #setHealth(instance: SoakInstance, healthy: boolean): Promise<void> {
    this.counts[healthy ? 'pass' : 'fail']++;
    if (healthy) this.#healthy.add(instance);
    else this.#healthy.delete(instance);
    const change = () => this.#with.world.setHealth(instance, healthy);
    await this.#become(instance, healthy ? 'in' : 'out', change);
  }

  #changing: Promise<unknown> = Promise.resolve();

  /** One change at a time, so that none is under way when the agent is killed. */
  async #become(instance: SoakInstance, state: 'in' | 'out', change: () => Promise<void>): Promise<void> {
    const before = this.#changing;
    const work = (async () => {
      await before.catch(() => {});
      const { ledger } = this.#with;
      ledger.set(keyOf(instance), 'maybe', Date.now());
      await change();
      ledger.set(keyOf(instance), state, Date.now() + propagation);
    })();
    this.#changing = work;
    await work;
  }

  async #partition(): Promise<void> {
    this.counts.partition++;
    await this.#disturbed('drop', 1_000 + this.#with.random.below(4_000));
  }

  async #loss(): Promise<void> {
    this.counts.loss++;
    await this.#disturbed('lossy', 2_000 + this.#with.random.below(4_000));
  }

  async #disturbed(mode: ProxyMode, time: number): Promise<void> {
    const { ledger, proxy } = this.#with;
    const over = ledger.disturb();
    await proxy(mode);
    await sleep(time);
    await proxy('pass');
    over(Date.now());
  }

  /** The agent dies and comes back; to the client its port is silent or closed, by turns. */
  async #kill(): Promise<void> {
    const { world, ledger, proxy, random } = this.#with;
    this.counts.kill++;
    this.#down = true;
    const over = ledger.disturb();
    await this.#changing.catch(() => {});
    for (const instance of this.#all) ledger.set(keyOf(instance), 'maybe', Date.now());
    await world.kill();
    if (this.counts.kill % 2 === 1) await proxy('refuse');
    await sleep(1_000 + random.below(3_000));
    await world.restart();
    await proxy('pass');
    for (const instance of this.#registered) await world.setHealth(instance, this.#healthy.has(instance));
    const settled = Date.now() + settling;
    for (const instance of this.#all)
      ledger.set(keyOf(instance), this.#healthy.has(instance) ? 'in' : 'out', settled);
    over(Date.now());
    this.#down = false;
  }

  /** All instances of one service fail together, for longer than an empty answer is held, and come back. */
  async #empty(): Promise<void> {
    const { random, services, over } = this.#with;
    const names = Object.keys(services);
    const service = names[random.below(names.length)]!;
    this.#emptied = service;
    this.counts.empty++;
    const struck = [...this.#healthy].filter((instance) => instance.service === service);
    for (const instance of struck) await this.#setHealth(instance, false);
    const until = Date.now() + 6_000 + random.below(4_000);
    while (Date.now() < until && !over()) await sleep(100);
    for (const instance of struck) if (this.#registered.has(instance)) await this.#setHealth(instance, true);
    this.#emptied = undefined;
  }
}

export function keyOf({ service, address, port }: SoakInstance): string {
  return `${service}|${address}:${port}`;
}
