/** What a strategy promises beyond what all of them must do. */
export interface BalancerContractOptions {
  /** `false` for a strategy that prefers one endpoint on purpose, as `first` does. Default true: shares evenly without a key. */
  readonly spreads?: boolean;
  /**
   * `true`: shares in proportion to the weights of the snapshot while nothing is in flight, and has more in flight at the heavier ones.
   * `false`: evenly, whatever the weights are. Default false.
   */
  readonly weights?: boolean;
  /** `true`: one key is one endpoint, in every process, as long as that is there. Default false. */
  readonly sticks?: boolean;
  /** Picks under random updates. Default 1 000 000: below a second for most. */
  readonly picks?: number;
  /** `false` leaves out what is measured in bytes and time: where code is instrumented or not compiled. Default true. */
  readonly measured?: boolean;
}
