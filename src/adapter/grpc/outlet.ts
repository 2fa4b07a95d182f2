/**
 * How a channel is told what was resolved, which changed between grpc-js 1.13 and 1.14. The way is known by the shape of the listener
 * that the channel gives, and by nothing else: there is no version to look at in a module.
 */
import { PeerError } from '../../errors.ts';
import type { GrpcEndpoint } from './peer.ts';
import { emptied, type ServiceConfig } from './service-config.ts';

export interface Outlet {
  /** @param note what a call is told beside the reason why no connection was made; heeded from 1.14 on. */
  list(endpoints: readonly GrpcEndpoint[], config: ServiceConfig, note: string): void;
  /** Calls fail with `status` from now on. `hadList`: the channel was told a list before, which is to be forgotten. */
  failure(status: GrpcStatus, config: ServiceConfig, hadList: boolean): void;
}

export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: object;
}

/** Until 1.13. */
interface ListenerWithMethods {
  onSuccessfulResolution(
    endpoints: readonly GrpcEndpoint[],
    serviceConfig: ServiceConfig,
    serviceConfigError: null,
    configSelector: null,
    attributes: object,
  ): void;
  onError(status: GrpcStatus): void;
}

type StatusOr<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: GrpcStatus };

/** From 1.14 on. */
type ListenerFunction = (
  endpoints: StatusOr<readonly GrpcEndpoint[]>,
  attributes: object,
  serviceConfig: StatusOr<ServiceConfig>,
  resolutionNote: string,
) => boolean;

/**
 * Attributes would become arguments of the subchannels, and subchannels are shared by their arguments: those of every list must be the
 * same, or connections would be made anew.
 */
const noAttributes = {};

/** @throws PeerError for a listener of another shape: that grpc-js is newer, or older, than those this works with. */
export function outletTo(listener: unknown): Outlet {
  if (typeof listener === 'function') return toFunction(listener as ListenerFunction);
  const { onSuccessfulResolution, onError } = Object(listener) as Partial<ListenerWithMethods>;
  if (typeof onSuccessfulResolution === 'function' && typeof onError === 'function') {
    return toMethods(listener as ListenerWithMethods);
  }
  throw new PeerError(
    'This version of @grpc/grpc-js tells its resolvers in a way that consul-dns-balancer does not know: it works with 1.12, 1.13 and 1.14.',
  );
}

/*
 * A policy that has a list ignores an error: the list is taken from it first, and the error is told then. It is taken by round_robin,
 * whatever the channel's policy, since pick_first keeps its connection for want of a better one, or throws at an empty list (1.12).
 */

function toFunction(listener: ListenerFunction): Outlet {
  const tell = (endpoints: StatusOr<readonly GrpcEndpoint[]>, config: ServiceConfig, note = '') =>
    void listener(endpoints, noAttributes, { ok: true, value: config }, note);
  return {
    list: (endpoints, config, note) => tell({ ok: true, value: endpoints }, config, note),
    failure: (status, config, hadList) => {
      const used = hadList ? emptied(config) : config;
      if (hadList) tell({ ok: true, value: [] }, used);
      tell({ ok: false, error: status }, used);
    },
  };
}

function toMethods(listener: ListenerWithMethods): Outlet {
  const list = (endpoints: readonly GrpcEndpoint[], config: ServiceConfig) =>
    listener.onSuccessfulResolution(endpoints, config, null, null, noAttributes);
  return {
    list,
    failure: (status, config, hadList) => {
      if (hadList) list([], emptied(config));
      listener.onError(status);
    },
  };
}
