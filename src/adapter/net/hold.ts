import type { Socket } from 'node:net';
import type { Lease } from '../../lease.ts';
import { nothingNew } from '../nothing-new.ts';

/** What a stream calls once, whoever ends it. */
interface Destroyed {
  destroyed: boolean;
  _destroy(error: Error | null, done: (error?: Error | null) => void): void;
}

/**
 * Releases the lease when the socket closes: by the hook that streams have for it and not by a listener, which
 * `removeAllListeners()` would take away.
 */
export function releaseWhenClosed(socket: Socket, lease: Lease): void {
  if (socket.destroyed) {
    lease.release(nothingNew);
    return;
  }
  const stream = socket as unknown as Destroyed;
  const destroy = stream._destroy;
  stream._destroy = function (error, done) {
    lease.release(broken(socket, error) ? { ok: false, elapsed: 0, error } : nothingNew);
    destroy.call(this, error, done);
  };
}

/**
 * Whether the end of a connection speaks against the endpoint: the system says that it broke, before a first byte came. One that breaks
 * later may have stood idle behind a firewall, or its instance was restarted an hour ago; how that does now, the next one shows.
 */
function broken(socket: Socket, error: Error | null): boolean {
  return socket.bytesRead === 0 && (error as NodeJS.ErrnoException | null)?.syscall !== undefined;
}
