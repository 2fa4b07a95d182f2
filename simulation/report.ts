import type { Result } from './simulate.ts';

export interface Timelines {
  readonly shares: readonly (readonly [number, number])[];
  readonly p99: readonly (readonly [number, number])[];
}

export interface ContestantReport {
  readonly contestant: string;
  readonly result: Result;
  /** Where servers join. */
  readonly timelines?: Timelines;
}

/** The baseline stands first. */
export interface CaseReport {
  readonly name: string;
  readonly clients: number;
  readonly endpoints: number;
  readonly load: number;
  readonly results: readonly ContestantReport[];
}

export interface ScenarioReport {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly CaseReport[];
}
