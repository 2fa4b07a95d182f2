import { ClosedError, type DiscoveryError, InvalidNameError } from '../../errors.ts';
import type { Service } from '../../service.ts';
import { membersOf } from './members.ts';
import { type Outlet, outletTo } from './outlet.ts';
import type { ChannelOptions, GrpcModule, GrpcResolver, GrpcResolverConstructor, GrpcUri } from './peer.ts';
import type { Registered, Registry } from './registry.ts';
import { configOf } from './service-config.ts';
import { statusOf, whyNobody } from './status.ts';
import { authorityOf, targetOf } from './target.ts';

/** The class that grpc-js makes one object of for each channel. */
export function resolverFor(grpc: GrpcModule, registry: Registry): GrpcResolverConstructor {
  return class extends ConsulResolver {
    constructor(target: GrpcUri, listener: unknown, options: ChannelOptions) {
      super({ grpc, registry, target, options, outlet: outletTo(listener) });
    }

    static getDefaultAuthority(target: GrpcUri): string {
      return authorityOf(target, registry.get(target.authority ?? '')?.domain ?? 'consul');
    }
  };
}

interface Setup {
  readonly grpc: GrpcModule;
  readonly registry: Registry;
  readonly target: GrpcUri;
  readonly options: ChannelOptions;
  readonly outlet: Outlet;
}

/** A service whose list the channel follows. */
interface Followed {
  readonly registered: Registered;
  readonly service: Service;
  readonly since: number;
  readonly stop: () => void;
}

/** In ms. Services that make room for one another (`maxServices`) would do so without end. */
const reopenedAtMost = 1_000;

/** What a channel was told where it was not a list. */
const failed = '';

/**
 * Follows one service for one channel, from `updateResolution()` to `destroy()`, which may come again and again: a channel without calls
 * goes idle. The channel is told every list as it changes, and of an error only while there is none.
 */
class ConsulResolver implements GrpcResolver {
  readonly #setup: Setup;
  #followed: Followed | undefined;
  /** The addresses of the list it was told, or `failed`; `undefined` while it knows nothing. */
  #told: string | undefined;
  /** Why no service is followed. */
  #error: unknown;
  /** A word to the channel that is on its way. */
  #due = false;
  /** The discovery that was followed is closed. */
  #lost = false;
  #reopening: { readonly cancel: () => void } | undefined;

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Returns before the channel is told anything, as channels want it. */
  updateResolution(): void {
    if (this.#followed === undefined) {
      this.#start();
      return;
    }
    this.#followed.service.hint();
    // Up to 1.13 a channel forgets an error when it asks again, and holds its calls until it is told.
    if (this.#told === failed) this.#tellSoon();
  }

  destroy(): void {
    this.#stop();
    this.#told = undefined;
    this.#due = false;
  }

  #stop(): void {
    this.#reopening?.cancel();
    this.#reopening = undefined;
    this.#followed?.stop();
    this.#followed = undefined;
  }

  #start(): void {
    this.#stop();
    try {
      this.#followed = this.#follow();
      this.#error = undefined;
      this.#lost = false;
      if (this.#followed.service.endpoints.length === 0) return;
    } catch (error) {
      this.#error = error;
    }
    this.#tellSoon();
  }

  /** @throws InvalidNameError; InvalidOptionError; ClosedError */
  #follow(): Followed {
    const { registry, target } = this.#setup;
    const registered = registry.get(target.authority ?? '');
    if (registered === undefined) throw this.#unregistered();
    const { name, port } = targetOf(target, registered.domain);
    const service = registered.open(name, port);
    const leave = new AbortController();
    const unsubscribe = service.subscribe(() => this.#tell());
    const unfollow = service.follow({ changed: () => {}, closed: () => this.#closed() });
    if (service.endpoints.length === 0) void this.#firstList(service, leave.signal);
    const stop = () => {
      unsubscribe();
      unfollow();
      leave.abort();
    };
    return { registered, service, since: registered.clock.now(), stop };
  }

  /** Subscribers hear of lists; that there is none from the start, only who asks. */
  async #firstList(service: Service, signal: AbortSignal): Promise<void> {
    try {
      await service.ready({ signal });
    } catch {
      if (!signal.aborted) this.#tell();
    }
  }

  /**
   * A service may be closed by itself, or to make room: the next one of that name takes its place, and the list stays meanwhile. Where
   * the discovery is closed there is no next one, which shows as soon as it is done with its services.
   */
  #closed(): void {
    const followed = this.#followed;
    // Who waits for its first list is not to be told that it is closed.
    followed?.stop();
    process.nextTick(() => {
      if (followed === undefined || this.#followed !== followed) return;
      const { registered, since } = followed;
      const { clock } = registered;
      this.#lost = this.#setup.registry.get(this.#setup.target.authority ?? '') !== registered;
      const wait = since + reopenedAtMost - clock.now();
      if (this.#lost || wait <= 0) this.#start();
      else {
        const timer = clock.setTimeout(() => this.#start(), wait);
        this.#reopening = { cancel: () => clock.clearTimeout(timer) };
      }
    });
  }

  #unregistered(): DiscoveryError {
    const { authority } = this.#setup.target;
    const name = JSON.stringify(authority);
    if (this.#lost) return new ClosedError('The discovery was closed.');
    return new InvalidNameError(
      authority
        ? `No discovery is registered as ${name}, or not any more. Call registerConsulResolver(discovery, { name: ${name} }) first; the server to ask is said to createDiscovery().`
        : 'No discovery is registered, or not any more. Call registerConsulResolver(discovery) first.',
    );
  }

  #tellSoon(): void {
    if (this.#due) return;
    this.#due = true;
    process.nextTick(() => {
      if (this.#due) this.#tell();
    });
  }

  #tell(): void {
    this.#due = false;
    const { grpc, target, options, outlet } = this.#setup;
    const { service, registered } = this.#followed ?? {};
    const config = configOf(options, registered?.serviceConfig ?? {});
    const members = service === undefined ? [] : membersOf(service);
    const list = members.map(({ address }) => address).join(' ');
    // Weights changed: no reason to have the channel set up its policy again.
    if (list !== failed && list === this.#told) return;
    const before = this.#told;
    this.#told = list;
    if (service === undefined || list === failed) {
      const status = statusOf(service === undefined ? this.#error : whyNobody(service), target, grpc);
      outlet.failure(status, config, before !== undefined && before !== failed);
      return;
    }
    const { server } = service.snapshot.source ?? {};
    outlet.list(
      members.map(({ host, port }) => ({ addresses: [{ host, port }] })),
      config,
      `${service.name} has ${members.length} endpoints${server === undefined ? '' : `, says ${server}`}`,
    );
  }
}
