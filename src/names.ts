import { canonicalName, isHostName, parseServiceName, type ServiceName, subjectOf } from './dns/name.ts';
import { InvalidOptionError } from './errors.ts';
import type { CompleteOptions, CompleteServiceOptions, ServiceOptions } from './options.ts';
import { withPlace } from './place-options.ts';
import { datacentersFor, layered } from './service-layers.ts';
import { checkService } from './service-options.ts';

/** A service that was asked for, and the settings that hold for it. */
export interface Named {
  readonly name: ServiceName;
  /** Canonical name: what makes two names one. */
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

  /**
   * @param use `service`: endpoints are made of it, which need a port. `once`: addresses are enough.
   * @throws InvalidNameError; InvalidOptionError
   */
  understand(
    given: string | ServiceName,
    options?: ServiceOptions,
    use: 'service' | 'once' = 'service',
  ): Named {
    const named = this.#named(given, options);
    const { name, key, settings } = named;
    const portless = settings.port === undefined && asksConsul(this.#options, settings);
    if (use === 'service' && portless && isHostName(name)) {
      throw new InvalidOptionError(
        `${key}: DNS knows no port for a node or an address; give one, as in discovery.service(…, { port: 5432 }).`,
      );
    }
    return named;
  }

  #named(given: string | ServiceName, options: ServiceOptions | undefined): Named {
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
    const { domain, defaults, services, records } = this.#options;
    const parsed = parseServiceName(given, domain);
    const own = services.get(subjectOf(parsed).toLowerCase());
    const called = options === undefined ? {} : checkService(options, 'service');
    // Tag and datacenter are part of the name from here on.
    const { tag, datacenter, datacenters, ...rest } = layered(defaults, own, called);
    const several = datacentersFor(parsed, datacenters, called.datacenters !== undefined);
    const settings = several === undefined ? rest : { ...rest, datacenters: several };
    const name = parseServiceName(withPlace(parsed, { tag, datacenter }, called), domain);
    const key = canonicalName(name, domain);
    if (records === 'A' && asksConsul(this.#options, settings) && !isHostName(name)) {
      if ('port' in name) {
        throw new InvalidOptionError(
          `${key}: records: 'A' cannot ask for the port ${JSON.stringify(name.port)}: Consul ignores port names in questions for addresses. Leave it out and give its number as \`port\`.`,
        );
      }
      if (settings.port === undefined) {
        throw new InvalidOptionError(`${key}: records: 'A' brings no ports; give one as \`port\`.`);
      }
    }
    return { name, key, settings };
  }
}

function asksConsul({ source }: CompleteOptions, { addresses }: CompleteServiceOptions): boolean {
  return source === undefined && addresses === undefined;
}
