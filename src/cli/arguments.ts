import { parseArgs } from 'node:util';
import { number } from '../checks.ts';
import type { Command, CommandLine, OptionTable } from './command.ts';

/** The command line itself is wrong, whatever Consul says. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'ERR_USAGE';
}

/** Options of every command. */
export const everywhere = {
  json: { type: 'boolean', help: 'one line of JSON on stdout instead of text' },
  help: { type: 'boolean', short: 'h', help: 'show this' },
} as const satisfies OptionTable;

/**
 * The words after the command's name.
 *
 * @returns `'help'` where that is asked for, whatever else is missing.
 * @throws UsageError
 */
export function parseCommandLine(
  name: string,
  command: Command,
  words: readonly string[],
): CommandLine | 'help' {
  const { values, positionals } = parse(name, command, words);
  if (values['help'] === true) return 'help';
  const [operand, ...more] = positionals;
  if (operand === undefined) {
    throw new UsageError(`${name}: ${command.operand} is missing. ${seeHelp(name)}`);
  }
  if (more.length > 0) {
    throw new UsageError(
      `${name}: one ${command.operand} at a time; ${JSON.stringify(more[0])} is too many. ${seeHelp(name)}`,
    );
  }
  return {
    operand,
    json: values['json'] === true,
    text: (option) => {
      const value = values[option];
      return typeof value === 'string' ? value : undefined;
    },
    texts: (option) => {
      const value = values[option];
      return Array.isArray(value) ? value.map(String) : [];
    },
  };
}

/**
 * A number as people type it.
 *
 * @param option how messages name it: `--timeout`.
 * @throws InvalidOptionError
 */
export function wholeNumber(text: string, option: string, min: number, max: number): number {
  // What is no number goes on as text, so that the message shows what was typed.
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return number(min, max, { whole: true })(value, option);
}

export function seeHelp(name?: string): string {
  return `See consul-dns-balancer ${name === undefined ? '' : `${name} `}--help.`;
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function parse(name: string, command: Command, words: readonly string[]): Parsed {
  const options: OptionTable = { ...command.options, ...everywhere };
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
    // Behind its first sentence Node explains the syntax of a dash; our help says more.
    const [what] = message.split(/\.?\n|\. /);
    throw new UsageError(`${name}: ${what}. ${seeHelp(name)}`);
  }
}
