import { type Check, fields, number, oneOf } from '../checks.ts';
import { InvalidOptionError } from '../errors.ts';

/** When an endpoint is taken out for its failures, and for how long. */
export interface OutlierOptions {
  /** So many failures without a success between them eject, 1…1 000; 0: never. Default 5. */
  consecutiveFailures?: number;
  /** This share of failures (0…1) within `window` ejects, where there were `minRequests`; 0: never. Default 0.5. */
  failureShare?: number;
  /** Below so many outcomes within `window` a share says nothing, 1…1 000 000. Default 20. */
  minRequests?: number;
  /** How far back the share looks; also how long a returned endpoint has to do well for one ejection to be forgiven. 100…3 600 000 ms, default 10 000. */
  window?: number;
  /** How long the first ejection lasts; the second in a row twice as long, and so on. 100…86 400 000 ms, default 10 000. */
  ejectionTime?: number;
  /** No ejection lasts longer, but for up to 10 % that are added to all so that not all return at once. Default 300 000, or `ejectionTime` where that is more. */
  maxEjectionTime?: number;
  /** At most this share of the whole list is ejected at once, 0…1, rounded down; the only endpoint never is. Default 0.5. */
  maxEjected?: number;
  /** What to do when too many are ejected. */
  panic?: PanicOptions;
}

export interface PanicOptions {
  /** When less than this share of the list is left, 0…1; 0: only when nothing is left. Default 0.5. */
  threshold?: number;
  /** `'all'` (default): ejections are ignored. `'none'`: nothing is picked, `pick()` throws. */
  use?: 'all' | 'none';
}

export type Panic = Readonly<Required<PanicOptions>>;

export interface Outlier extends Readonly<Required<Omit<OutlierOptions, 'panic'>>> {
  readonly panic: Panic;
}

const share = number(0, 1);
const known = fields({
  consecutiveFailures: number(0, 1_000, { whole: true }),
  failureShare: share,
  minRequests: number(1, 1_000_000, { whole: true }),
  window: number(100, 3_600_000),
  ejectionTime: number(100, 86_400_000),
  maxEjectionTime: number(100, 86_400_000),
  maxEjected: share,
  panic: fields({ threshold: share, use: oneOf('all', 'none') }),
});

/** `true` is the defaults; `false` none is ever ejected. */
export const checkOutlier: Check<Outlier | undefined> = (value, path) => {
  if (value === false) return undefined;
  const given = value === true ? {} : known(value, path);
  const { ejectionTime = 10_000, consecutiveFailures = 5, failureShare = 0.5 } = given;
  const { maxEjectionTime = Math.max(ejectionTime, 300_000) } = given;
  if (maxEjectionTime < ejectionTime) {
    throw new InvalidOptionError(
      `${path}: maxEjectionTime (${maxEjectionTime}) is less than ejectionTime (${ejectionTime}).`,
    );
  }
  if (consecutiveFailures === 0 && failureShare === 0) {
    throw new InvalidOptionError(
      `${path}: with consecutiveFailures and failureShare both 0 nothing is ever ejected; say so with \`false\`.`,
    );
  }
  return {
    minRequests: 20,
    window: 10_000,
    maxEjected: 0.5,
    ...given,
    consecutiveFailures,
    failureShare,
    ejectionTime,
    maxEjectionTime,
    panic: { threshold: 0.5, use: 'all', ...given.panic },
  };
};
