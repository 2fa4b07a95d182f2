import { type Handler, isNew, type OldHandler } from './dispatch.ts';
import type { Asker } from './exchange.ts';
import { NewAsker } from './new-asker.ts';
import { OldAsNew } from './old-as-new.ts';
import { OldAsker } from './old-asker.ts';

/** @param old whether the undici that does the work knows handlers of the old manner. */
export function understandable(handler: Handler, old: boolean): Handler {
  return old || isNew(handler) ? handler : new OldAsNew(handler);
}

/** The same for a request of ours. */
export function askerFor(handler: Handler, old: boolean): Asker {
  // What undici 7 wraps for interceptors knows both, and the old manner needs no translation of headers.
  if (old && typeof (handler as OldHandler).onHeaders === 'function')
    return new OldAsker(handler as OldHandler);
  const understood = understandable(handler, old);
  return isNew(understood) ? new NewAsker(understood) : new OldAsker(understood);
}

/** For what goes wrong before there is anything to ask. */
export function tellFailure(handler: Handler, error: unknown): void {
  if (isNew(handler)) handler.onResponseError?.(null, error);
  else handler.onError?.(error);
}
