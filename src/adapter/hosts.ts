/**
 * What a host name in a URL means to adapters: a service under the discovery's domain, or something that is none of their business.
 */
import type { AdapterHost } from '../adapter-host.ts';
import { oneOf } from '../checks.ts';
import { isHostName, parseServiceName } from '../dns/name.ts';
import { InvalidNameError } from '../errors.ts';
import type { Service } from '../service.ts';

export interface HostOptions {
  /**
   * What a port in the URL of a service means, whose ports Consul says: `'error'` (default), or `'override'`, where every instance is
   * called at that port. Names that have no ports (`x.node.consul`) take it from the URL in any case: 80 or 443 where it says none.
   */
  readonly port?: 'error' | 'override';
}

export const hostChecks = { port: oneOf('error', 'override') };

/** One host name as it was understood. */
interface Meaning {
  readonly name: string;
  readonly port: number | undefined;
}

type Meant = Meaning | InvalidNameError | undefined;

/** Programs call few hosts, but names may come from URLs without end. */
const most = 1_000;

/** Understands host names for one adapter. O(1) for a name that was seen before. */
export class Hosts {
  readonly #host: AdapterHost;
  readonly #overridden: boolean;
  readonly #suffix: string;
  readonly #known = new Map<string, Meant>();
  /** Programs call the same one again and again: to compare is quicker than to look up. */
  #last: { hostname: string; port: string | number | undefined; secure: boolean; meaning: Meant } | undefined;

  constructor(host: AdapterHost, { port = 'error' }: HostOptions = {}) {
    this.#host = host;
    this.#overridden = port === 'override';
    this.#suffix = `.${host.domain}`;
  }

  /**
   * The service that a URL's host means; `undefined` where it is outside the domain, so that the request is to pass as it is.
   *
   * @param port as the URL says it; `''` or `undefined` where it says none.
   * @throws InvalidNameError for a name under the domain that cannot be asked for, and for a port that must not be there; InvalidOptionError; ClosedError.
   */
  service(hostname: string, port: string | number | undefined, secure: boolean): Service | undefined {
    const last = this.#last;
    const same = last?.hostname === hostname && last.port === port && last.secure === secure;
    const meaning = same ? last.meaning : this.#recall(hostname, port, secure);
    if (meaning === undefined) return undefined;
    if (meaning instanceof InvalidNameError) throw new InvalidNameError(meaning.message);
    // Not kept here: a service may be closed, and then the next call is to make a new one.
    return this.#host.service(meaning.name, meaning.port);
  }

  #recall(hostname: string, port: string | number | undefined, secure: boolean): Meant {
    const key = `${secure ? 's' : ''}:${port ?? ''}:${hostname}`;
    let meaning = this.#known.get(key);
    if (meaning === undefined && !this.#known.has(key)) {
      meaning = this.#understand(hostname, port === undefined ? '' : String(port), secure);
      if (this.#known.size >= most) this.#known.clear();
      this.#known.set(key, meaning);
    }
    this.#last = { hostname, port, secure, meaning };
    return meaning;
  }

  #understand(hostname: string, port: string, secure: boolean): Meant {
    const name = hostname.toLowerCase().replace(/\.$/, '');
    if (!name.endsWith(this.#suffix)) return undefined;
    try {
      const usual = secure ? 443 : 80;
      const portless = isHostName(parseServiceName(name, this.#host.domain));
      if (portless) return { name, port: port === '' ? usual : Number(port) };
      if (port === '' || Number(port) === usual) return { name, port: undefined };
      if (this.#overridden) return { name, port: Number(port) };
    } catch (error) {
      // What is wrong with a part of it does not say of what.
      if (error instanceof InvalidNameError) return new InvalidNameError(`${hostname}: ${error.message}`);
      throw error;
    }
    return new InvalidNameError(
      `${hostname}:${port}: Consul says at which port each instance of a service listens. Leave the port out of the URL, or give the adapter port: 'override' to call every instance at the URL's port.`,
    );
  }
}
