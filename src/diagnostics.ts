/** Codes of warnings; stable within a major version. */
export type WarningCode =
  | 'CONSUL_UNAVAILABLE'
  | 'DATACENTER_UNAVAILABLE'
  | 'SERVICE_EMPTY'
  | 'SERVICES_VANISHED'
  | 'SERVICE_EVICTED'
  | 'CONNECT_EXPECTS_MTLS'
  | 'AMBIGUOUS_TARGETS'
  | 'PORT_MISSING'
  | 'METADATA_TOO_LONG'
  | 'LAST_GOOD_FAILED'
  | 'LEASE_LEAKED'
  | 'LISTENER_FAILED'
  | 'BALANCER_FAILED';

/** Something an operator should know and a program need not handle. */
export interface DiscoveryWarning {
  readonly code: WarningCode;
  readonly message: string;
  /** Canonical name of the service it is about, where it is about one. */
  readonly service?: string;
  /** The datacenter it is about, where it is about one of several. */
  readonly datacenter?: string;
  readonly cause?: unknown;
}

const perService: readonly WarningCode[] = [
  'SERVICE_EMPTY',
  'CONNECT_EXPECTS_MTLS',
  'AMBIGUOUS_TARGETS',
  'PORT_MISSING',
  'METADATA_TOO_LONG',
  'LEASE_LEAKED',
  'LISTENER_FAILED',
  'BALANCER_FAILED',
];

/** States of the whole: one of them is said once, whichever service it shows at. */
const perDiscovery: readonly WarningCode[] = ['SERVICE_EVICTED', 'SERVICES_VANISHED', 'LAST_GOOD_FAILED'];

const mostStanding = 100_000;

/** Says each thing once: again only after it was over. */
export class Warnings {
  readonly #sink: (warning: DiscoveryWarning) => void;
  readonly #standing = new Set<string>();
  readonly #unavailable = new Set<string>();
  /** Said since anything was last answered: what fails now is part of the same outage. */
  #saidUnavailable = false;

  constructor(sink: (warning: DiscoveryWarning) => void = emit) {
    this.#sink = sink;
  }

  once(warning: DiscoveryWarning): void {
    const key = `${warning.code} ${perDiscovery.includes(warning.code) ? '' : (warning.service ?? warning.datacenter)}`;
    if (this.#standing.has(key)) return;
    // Names may come from URLs, so there is no end of them.
    if (this.#standing.size >= mostStanding) this.#standing.clear();
    this.#standing.add(key);
    this.#say(warning);
  }

  over(code: WarningCode, subject = ''): void {
    this.#standing.delete(`${code} ${subject}`);
  }

  /**
   * A refresh failed. One outage is one warning, however many services it hits; a service that fails for good while others are
   * answered does not hide the next outage.
   */
  unavailable(warning: DiscoveryWarning & { readonly service: string }): void {
    const { service } = warning;
    if (this.#unavailable.has(service)) return;
    this.#unavailable.add(service);
    if (this.#saidUnavailable) return;
    this.#saidUnavailable = true;
    this.#say(warning);
  }

  /** A question of this service was answered. */
  available(service: string): void {
    this.#unavailable.delete(service);
    this.#saidUnavailable = false;
  }

  /** The service is no more: nothing is kept of it, and nothing is said by that of Consul. */
  gone(service: string): void {
    this.#unavailable.delete(service);
    for (const code of perService) this.#standing.delete(`${code} ${service}`);
  }

  #say(warning: DiscoveryWarning): void {
    try {
      this.#sink(warning);
    } catch (error) {
      // A failing listener must not stop a refresh loop; it must not go unnoticed either.
      emit({ code: 'LISTENER_FAILED', message: `onWarning threw: ${String(error)}`, cause: error });
    }
  }
}

function emit({ code, message }: DiscoveryWarning): void {
  process.emitWarning(message, { type: 'DiscoveryWarning', code });
}
