import type { DiscoveryWarning, WarningCode } from '../diagnostics.ts';

/** Where warnings go. */
export interface Operator {
  readonly warn: (warning: DiscoveryWarning) => void;
  /** What was warned of is over. */
  readonly over: (code: WarningCode, service: string) => void;
}

/** What answers can show that is wrong with a service, as long as it does. */
const conditions = ['PORT_MISSING', 'AMBIGUOUS_TARGETS', 'METADATA_TOO_LONG'] as const;

/** What one lookup warns of. */
export class Said {
  readonly #operator: Operator;
  readonly #service: string;
  readonly #codes = new Set<WarningCode>();

  /** @param service its canonical name. */
  constructor(operator: Operator, service: string) {
    this.#operator = operator;
    this.#service = service;
  }

  readonly notice = (code: WarningCode, message: string): void => {
    this.#codes.add(code);
    this.#operator.warn({ code, service: this.#service, message });
  };

  /** A list came without the other conditions being seen. */
  endOthers(standing: readonly WarningCode[]): void {
    for (const code of conditions) {
      if (!this.#codes.has(code) && !standing.includes(code)) this.#operator.over(code, this.#service);
    }
  }
}
