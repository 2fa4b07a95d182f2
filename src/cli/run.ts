import { readFileSync } from 'node:fs';
import { parseCommandLine, seeHelp, UsageError } from './arguments.ts';
import type { Command, Terminal } from './command.ts';
import { exitCodeOf, unexpected } from './exit-codes.ts';
import { commandHelp, programHelp } from './help.ts';
import { pick } from './pick.ts';
import { resolve } from './resolve.ts';

/** In the order of help. */
const commands: Readonly<Record<string, Command>> = { resolve, pick };

/**
 * The whole program but the process it runs in.
 *
 * @param argv the words behind the program's name.
 * @returns the exit code; never rejects.
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await dispatch(argv, terminal);
    return 0;
  } catch (error) {
    const { code, message, stack } = error as NodeJS.ErrnoException;
    const exitCode = exitCodeOf(code);
    if (exitCode === undefined) {
      terminal.stderr.write(`${stack ?? String(error)}\n`);
      return unexpected;
    }
    // Also where the command line could not be taken apart: who asked for JSON reads JSON.
    if (argv.includes('--json')) terminal.stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
    else terminal.stderr.write(`error: ${code} ${message}\n`);
    return exitCode;
  }
}

async function dispatch([name, ...words]: readonly string[], terminal: Terminal): Promise<void> {
  const say = (text: string): void => {
    terminal.stdout.write(`${text}\n`);
  };
  if (name === '--help' || name === '-h') return say(programHelp(commands));
  if (name === '--version') return say(version());
  const known = Object.keys(commands).join(', ');
  if (name === undefined) throw new UsageError(`No command given; known are ${known}. ${seeHelp()}`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const what = name.startsWith('-') ? 'A command comes first, not' : 'Unknown command';
    throw new UsageError(`${what} ${JSON.stringify(name)}; known are ${known}. ${seeHelp()}`);
  }
  const request = parseCommandLine(name, command, words);
  if (request === 'help') return say(commandHelp(name, command));
  await command.run(request, terminal);
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(manifest).version;
}
