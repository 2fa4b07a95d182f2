import { canonicalName, parseServiceName, type ServiceName } from './dns/name.ts';
import { InvalidNameError, InvalidOptionError } from './errors.ts';
import {
  type CompleteOptions,
  type CompleteServiceOptions,
  completeServiceOptions,
  type ServiceOptions,
} from './options.ts';

/** A service that was asked for, and the settings that hold for it. */
export interface Named {
  readonly name: ServiceName;
  /** Canonical DNS name. */
  readonly key: string;
  readonly settings: CompleteServiceOptions;
}

/** Understands what a caller names: text, a typed name, options of the call, and what the discovery says of that service. */
export class Names {
  readonly #options: CompleteOptions;
  /** What names in text mean; a program uses few, again and again. */
  readonly #understood = new Map<string, Named>();

  constructor(options: CompleteOptions) {
    this.#options = options;
  }

  /** @throws InvalidNameError; InvalidOptionError */
  understand(given: string | ServiceName, options?: ServiceOptions): Named {
    if (typeof given !== 'string' || options !== undefined) return this.#work(given, options);
    const known = this.#understood.get(given);
    if (known !== undefined) return known;
    const named = this.#work(given, undefined);
    // Names may come from URLs, so there is no end of them.
    if (this.#understood.size >= 1_000) this.#understood.clear();
    this.#understood.set(given, named);
    return named;
  }

  /** The settings of the discovery, over them those of `services`, over them the call's. */
  #work(given: string | ServiceName, options: ServiceOptions | undefined): Named {
    const { domain, defaults, services, records, source } = this.#options;
    const parsed = parseServiceName(given, domain);
    const own = services.get(('query' in parsed ? parsed.query : parsed.service).toLowerCase());
    const called = options === undefined ? {} : completeServiceOptions(options, 'service');
    // Tag and datacenter are part of the name from here on.
    const { tag, datacenter, ...settings }: CompleteServiceOptions = { ...defaults, ...own, ...called };
    const name = parseServiceName(withPlace(parsed, { tag, datacenter }, called), domain);
    const key = canonicalName(name, domain);
    if (records === 'A' && settings.port === undefined && source === undefined) {
      throw new InvalidOptionError(`${key}: records: 'A' brings no ports; give one as \`port\`.`);
    }
    return { name, key, settings };
  }
}

interface Place {
  readonly tag?: string | undefined;
  readonly datacenter?: string | undefined;
}

/** Tag and datacenter may stand in the name or in the options; in both only if they agree. */
function withPlace(name: ServiceName, { tag, datacenter }: Place, called: Place): ServiceName {
  if ('query' in name && called.tag !== undefined) {
    throw new InvalidOptionError(
      `A prepared query chooses its own tags: it cannot be asked for the tag ${JSON.stringify(called.tag)}.`,
    );
  }
  for (const key of ['tag', 'datacenter'] as const) {
    const inName = (name as Partial<Record<typeof key, string>>)[key];
    if (inName !== undefined && called[key] !== undefined && inName !== called[key]) {
      throw new InvalidNameError(
        `The ${key} is ${JSON.stringify(inName)} in the name and ${JSON.stringify(called[key])} in the options.`,
      );
    }
  }
  const place = datacenter === undefined ? name : { datacenter, ...name };
  return tag === undefined || 'query' in place ? place : { tag, ...place };
}
