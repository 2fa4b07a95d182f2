interface Heard {
  readonly actions: Set<() => void>;
  readonly listener: () => void;
}

const heard = new WeakMap<AbortSignal, Heard>();

/**
 * Calls `action` once when the signal aborts; returns the way to take it back. One listener on the signal, however many wait for it: Node
 * warns of a leak at the eleventh.
 */
export function onAbort(signal: AbortSignal, action: () => void): () => void {
  // Each its own, also where the same function is given twice.
  const own = () => action();
  const { actions, listener } = heard.get(signal) ?? listen(signal);
  actions.add(own);
  return () => {
    if (!actions.delete(own) || actions.size > 0) return;
    signal.removeEventListener('abort', listener);
    heard.delete(signal);
  };
}

function listen(signal: AbortSignal): Heard {
  const actions = new Set<() => void>();
  const listener = () => {
    heard.delete(signal);
    for (const action of [...actions]) action();
  };
  signal.addEventListener('abort', listener, { once: true });
  const one = { actions, listener };
  heard.set(signal, one);
  return one;
}
