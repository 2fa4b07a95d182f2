import { run } from '../../src/cli/run.ts';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** The program in this process, on a terminal that remembers. */
export async function ran(argv: readonly string[], place: Place = {}): Promise<Ran> {
  const { env = {}, isTTY = false, columns = 80 } = place;
  let stdout = '';
  let stderr = '';
  const exitCode = await run(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env,
    isTTY,
    columns,
  });
  return { exitCode, stdout, stderr };
}
