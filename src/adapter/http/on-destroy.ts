import type { ClientRequest } from 'node:http';

/**
 * Calls `destroyed` when somebody destroys a request that has no socket yet: Node says nothing of it before it has one. An own
 * `destroy` on this one request, through which abort(), signals and pipelines go as well.
 *
 * @returns the way to take it back.
 */
export function onDestroy(request: ClientRequest, destroyed: (error: unknown) => void): () => void {
  const { destroy } = request;
  let watching = true;
  const watched: typeof destroy = (error) => {
    const first = !request.destroyed;
    destroy.call(request, error);
    if (first && watching) destroyed(error);
    return request;
  };
  request.destroy = watched;
  return () => {
    watching = false;
    // Somebody may have put another one over it since: that one stays, and goes on through ours.
    if (request.destroy === watched) delete (request as Partial<ClientRequest>).destroy;
  };
}
