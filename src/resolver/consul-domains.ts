/**
 * The domains whose names are Consul's own: the one that is asked and, where an agent has an alternative domain beside it, the primary
 * one, in which Consul up to 1.10 names all targets (F1.16 of the facts).
 *
 * A domain is believed on evidence only: the agent's answer has a target `<hex>.addr.<dc>.<domain>` together with the very
 * address that the digits spell. Nobody else's names look so.
 */
import { ipFromHexTarget } from './hex-target.ts';

/** An agent has two domains at most; the rest is room for agents behind one address. */
const most = 4;
/** In the primary domain as nearly everybody has it, which is no public one. That needs no evidence. */
const usual = /\.(node|addr|service|query|connect|ingress|virtual)(\.[^.]+)*\.consul$/;

export class ConsulDomains {
  readonly #suffixes: Set<string>;

  constructor(domain: string) {
    this.#suffixes = new Set([`.${domain}`]);
  }

  /** Whether the name, in lower case, is one that Consul made. Returns the domain with its leading dot. */
  of(name: string): string | undefined {
    for (const suffix of this.#suffixes) if (name.endsWith(suffix)) return suffix;
    return usual.test(name) ? '.consul' : undefined;
  }

  /** Whether the agents that are asked know all about the name. */
  covers(name: string): boolean {
    for (const suffix of this.#suffixes) if (name.endsWith(suffix)) return true;
    return false;
  }

  /** Looks at a target and one of the addresses that the same answer gives for it. */
  learn(target: string, host: string): void {
    if (this.#suffixes.size >= most || this.covers(target) || ipFromHexTarget(target) !== host) return;
    // `<hex>.addr.<datacenter>.<domain>`
    const [, , datacenter = '', ...domain] = target.split('.');
    if (datacenter !== '' && domain.length > 0) this.#suffixes.add(`.${domain.join('.')}`);
  }
}
