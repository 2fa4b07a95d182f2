/**
 * The strategies by name. To add one: its file, and one line in `strategies`.
 */
import { type Check, fields, number, oneOf, refuse } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';
import { checkProbe } from '../health/probe.ts';
import type {
  Balancer,
  BalancerContext,
  BalancerDescription,
  BalancerFactory,
  BalancerOption,
} from './balancer.ts';
import { ConsistentHash } from './consistent-hash.ts';
import { Fastest } from './fastest.ts';
import { First } from './first.ts';
import { keyHashes } from './key-hash.ts';
import { LeastInFlight } from './least-in-flight.ts';
import { LeastUsed } from './least-used.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PowerOfTwoChoices } from './power-of-two-choices.ts';
import { RandomChoice } from './random.ts';
import { RoundRobin } from './round-robin.ts';
import { WeightedRandom } from './weighted-random.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

interface Strategy {
  /** Its options; the key `name` is taken off before. */
  readonly options: Check<object>;
  readonly create: (context: BalancerContext, options: object) => Balancer;
}

const none = fields({});

const strategies: Readonly<Record<string, Strategy>> = {
  first: { options: none, create: () => new First() },
  random: { options: none, create: (context) => new RandomChoice(context) },
  'round-robin': { options: none, create: (context) => new RoundRobin(context) },
  'weighted-round-robin': { options: none, create: (context) => new WeightedRoundRobin(context) },
  'weighted-random': { options: none, create: (context) => new WeightedRandom(context) },
  'least-used': { options: none, create: (context) => new LeastUsed(context) },
  'least-in-flight': { options: none, create: (context) => new LeastInFlight(context) },
  'power-of-two-choices': { options: none, create: (context) => new PowerOfTwoChoices(context) },
  'peak-ewma': {
    options: fields({ decay: number(100, 3_600_000), failurePenalty: number(1, 3_600_000) }),
    create: (context, options) => new PeakEwma(context, options),
  },
  'consistent-hash': {
    options: fields({
      hash: (value, path) =>
        typeof value === 'function' ? value : oneOf(...Object.keys(keyHashes))(value, path),
      bound: number(1.01, 100),
      slots: oneOf(...Array.from({ length: 13 }, (_, i) => 2 ** (10 + i))),
    }),
    create: (context, options) => new ConsistentHash(context, options),
  },
  fastest: {
    options: fields({
      probe: checkProbe,
      interval: number(1_000, 86_400_000),
      timeout: number(1, 60_000),
      tolerance: number(0, 10),
      margin: number(0, 60_000),
      concurrency: number(1, 64, { whole: true }),
      smoothing: number(0.01, 1),
    }),
    create: (context, options) => new Fastest(context, options),
  },
};

export const strategyNames: readonly string[] = Object.keys(strategies);

/** A name becomes a description, so that both can be compared. */
export const checkBalancer: Check<BalancerDescription | BalancerFactory> = (value, path) => {
  if (typeof value === 'function') return value as BalancerFactory;
  const given = typeof value === 'string' ? { name: value } : (value as BalancerDescription | null);
  if (typeof given !== 'object' || given === null || typeof given.name !== 'string') {
    return refuse(
      path,
      `a strategy's name (${strategyNames.join(', ')}), { name, … } or a function (context) => balancer`,
      value,
    );
  }
  const { name, ...options } = given;
  const known = oneOf(...strategyNames)(name, `${path}.name`);
  return { name: known, ...strategies[known]!.options(options, `${path} (${name})`) };
};

/**
 * Makes the balancer of one service.
 * @throws InvalidOptionError where a user's factory does not return a balancer.
 */
export function createBalancer(option: BalancerOption, context: BalancerContext): Balancer {
  const checked = checkBalancer(option, 'balancer');
  if (typeof checked !== 'function') {
    const { name, ...options } = checked;
    return strategies[name]!.create(context, options);
  }
  const balancer: Partial<Balancer> | null | undefined = checked(context);
  const missing = ['update', 'pick'].filter(
    (method) => typeof (balancer as Record<string, unknown> | null)?.[method] !== 'function',
  );
  if (missing.length > 0) {
    throw new InvalidOptionError(
      `balancer: the factory returned something without ${missing.join('() and ')}(); a balancer is { update(snapshot), pick(key?, exclude?) }, see the Balancer type.`,
    );
  }
  return balancer as Balancer;
}
