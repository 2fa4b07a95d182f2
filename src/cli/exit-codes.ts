/** What the exit code says. Scripts branch on it, so that a code keeps its meaning within a major version. */
interface ExitCode {
  readonly code: number;
  readonly means: string;
  /** The error codes that lead to it; one that ends in `_` stands for all that start so. */
  readonly errors: readonly string[];
}

export const exitCodes: readonly ExitCode[] = [
  { code: 0, means: 'done', errors: [] },
  {
    code: 1,
    means: 'nothing found under the name',
    errors: ['ERR_SERVICE_NOT_FOUND', 'ERR_NO_ENDPOINTS'],
  },
  { code: 2, means: 'bad usage: unknown command, option or value', errors: ['ERR_USAGE', 'ERR_INVALID_'] },
  {
    code: 3,
    means: 'Consul is not reachable, or gave no usable answer',
    errors: ['ERR_UNREACHABLE', 'ERR_DNS_'],
  },
  { code: 70, means: 'a bug of this program; its stack is on stderr', errors: [] },
];

/** The code for an error that the program foresees; `undefined` for any other. */
export function exitCodeOf(errorCode: unknown): number | undefined {
  if (typeof errorCode !== 'string') return undefined;
  return exitCodes.find(({ errors }) =>
    errors.some((known) => (known.endsWith('_') ? errorCode.startsWith(known) : errorCode === known)),
  )?.code;
}

export const unexpected = 70;
