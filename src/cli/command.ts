/**
 * CONTRACT: a command does one thing from the command line and writes what it found.
 *
 * It gets checked words and a terminal, never `process`, so that tests can be the terminal. What goes wrong is thrown; the
 * exit code follows from the error's `code` (exit-codes.ts). What it opened is closed when its promise settles.
 *
 * To add one: its file beside this one, and a line in `commands` (run.ts).
 */
export interface Command {
  readonly summary: string;
  /** The one word it needs, as help shows it: `NAME`. */
  readonly operand: string;
  /** What the operand may be, as help says it. */
  readonly operandHelp: string;
  /** All but `--json` and `--help`, which every command has. */
  readonly options: OptionTable;
  readonly examples: readonly string[];
  run(request: CommandLine, terminal: Terminal): Promise<void>;
}

export interface OptionDescription {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in help: `HOST:PORT`. */
  readonly value?: string;
  readonly help: string;
}

/** By long name, without the dashes. */
export type OptionTable = Readonly<Record<string, OptionDescription>>;

/** A command line, taken apart. */
export interface CommandLine {
  readonly operand: string;
  readonly json: boolean;
  /** The value of a `string` option, where given. */
  text(option: string): string | undefined;
  /** All values of a `multiple` option; empty where not given. */
  texts(option: string): readonly string[];
}

/** Where a run of the program takes place. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person watches `stdout`. */
  readonly isTTY: boolean;
  /** Width of `stdout` in characters. */
  readonly columns: number;
}

export interface Output {
  write(text: string): unknown;
}
