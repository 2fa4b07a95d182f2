import { createRequire } from 'node:module';
import { PeerError } from '../../errors.ts';

/** What is used of \@grpc/grpc-js: what 1.12, 1.13 and 1.14 have in common, in words that fit the types of all three. */
export interface GrpcModule {
  readonly Metadata: new () => object;
  readonly Channel: new (target: string, credentials: never, options: never) => { close(): void };
  readonly credentials: { createInsecure(): object };
  readonly experimental: {
    registerResolver(scheme: string, resolver: never): void;
    parseLoadBalancingConfig(config: never): object;
  };
}

/** A target as grpc-js takes it apart: `scheme://authority/path`. */
export interface GrpcUri {
  readonly scheme?: string;
  readonly authority?: string;
  readonly path: string;
}

/** What a channel calls: see the contract in grpc-js's resolver.ts. */
export interface GrpcResolver {
  updateResolution(): void;
  destroy(): void;
}

/** One endpoint of grpc-js may have several addresses; an instance of ours has one. */
export interface GrpcEndpoint {
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

export type ChannelOptions = Readonly<Record<string, unknown>>;

export interface GrpcResolverConstructor {
  new (target: GrpcUri, listener: unknown, options: ChannelOptions): GrpcResolver;
  getDefaultAuthority(target: GrpcUri): string;
}

/** Status codes are those of the protocol. */
export const UNAVAILABLE = 14;

/**
 * The grpc-js to register with: the given one, else the one that is installed beside this package.
 *
 * @throws PeerError where there is none, and for something else than the module itself.
 */
export function peer(given: GrpcModule | undefined): GrpcModule {
  const grpc = given ?? installed();
  const { experimental, Metadata, Channel } = Object(grpc) as Partial<GrpcModule>;
  const { registerResolver, parseLoadBalancingConfig } = Object(experimental);
  for (const part of [Metadata, Channel, registerResolver, parseLoadBalancingConfig]) {
    if (typeof part === 'function') continue;
    throw new PeerError(
      'grpc: expected the module @grpc/grpc-js of 1.12, 1.13 or 1.14, as `import * as grpc from "@grpc/grpc-js"` or require("@grpc/grpc-js") gives it.',
    );
  }
  return grpc;
}

function installed(): GrpcModule {
  try {
    return createRequire(import.meta.url)('@grpc/grpc-js') as GrpcModule;
  } catch (cause) {
    throw new PeerError(
      `consul-dns-balancer/grpc needs the package @grpc/grpc-js, 1.12 to 1.14, which cannot be loaded: npm install @grpc/grpc-js@1.14, or give it as { grpc }. ${String(cause)}`,
      { cause },
    );
  }
}
