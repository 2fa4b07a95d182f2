/** CONTRACT: a benchmark measures us, the floor and the peers in the same run, and reports ratios. */
export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(settings: Settings): Promise<Report>;
}

export interface Settings {
  /** Only proves that everything runs: numbers mean nothing. */
  readonly smoke: boolean;
  /** Says what is being measured now. */
  readonly progress: (text: string) => void;
}

export interface Report {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Lines under the table. */
  readonly notes: readonly string[];
  /** The same and more for programs. */
  readonly data: unknown;
  /** The table in Markdown, as documents have it. */
  readonly readme?: string;
  /** Written to docs/benchmarks/ by a run that measures. */
  readonly charts?: readonly { readonly file: string; readonly svg: string }[];
}

/** One cell of the column "target". */
export function verdict(checks: readonly { readonly text: string; readonly met: boolean }[]): string {
  return checks.map(({ text, met }) => `${text} ${met ? 'ok' : 'MISSED'}`).join(', ');
}
