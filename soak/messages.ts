/** What the processes of the soak say to each other. Times are `Date.now()`. */

/** What is watched: one service through one discovery with one strategy. */
export interface HandlePlan {
  readonly id: string;
  readonly discovery: 'auto' | 'tcp' | 'a';
  readonly service: string;
  readonly balancer: 'round-robin' | 'least-used' | 'fastest';
  /** How long a list outlives the last of its instances, in ms. */
  readonly holdEmpty: number;
}

export interface SubjectTask {
  /** Where the proxy listens. */
  readonly port: number;
  /** Of every instance of a service: what A records cannot say. */
  readonly ports: Readonly<Record<string, number>>;
  readonly handles: readonly HandlePlan[];
}

export interface Sample {
  readonly at: number;
  /** After a forced collection, in bytes. */
  readonly heap: number;
  readonly external: number;
  /** Open files of the process; 0 where the system does not tell. */
  readonly files: number;
  /** What keeps the event loop alive. */
  readonly resources: Readonly<Record<string, number>>;
  readonly picks: number;
  /** DNS questions sent so far, and those that timed out. */
  readonly questions: number;
  readonly timeouts: number;
  /** The longest the event loop was held since the last sample, in ms. */
  readonly held: number;
}

/** From the subject. */
export type Report =
  | { readonly kind: 'started' }
  | { readonly kind: 'opened'; readonly handle: string; readonly at: number }
  | { readonly kind: 'list'; readonly handle: string; readonly at: number; readonly list: readonly string[] }
  | { readonly kind: 'warning'; readonly code: string; readonly text: string; readonly at: number }
  | { readonly kind: 'fault'; readonly text: string }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'stopped'; readonly sample: Sample };

/** To the subject. */
export type Order =
  | { readonly kind: 'sample' }
  /** Closes a service and asks for it anew. */
  | { readonly kind: 'reopen'; readonly handle: string }
  | { readonly kind: 'stop' };

/** `pass` lets everything through, `lossy` two of three, `drop` nothing, `refuse` closes the ports. */
export type ProxyMode = 'pass' | 'lossy' | 'drop' | 'refuse';
