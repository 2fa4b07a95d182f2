import { everywhere } from './arguments.ts';
import type { Command, OptionTable } from './command.ts';
import { exitCodes } from './exit-codes.ts';

const program = 'consul-dns-balancer';

export function programHelp(commands: Readonly<Record<string, Command>>): string {
  const list = Object.entries(commands).map(([name, { operand, summary }]) => [
    `${name} ${operand}`,
    summary,
  ]);
  return [
    `Usage: ${program} COMMAND [options]`,
    'Looks at a service through Consul DNS as the library does.',
    section('Commands', list),
    section('Options', [
      ['-h, --help', 'show this, or behind a command its own help'],
      ['--version', 'show the version'],
    ]),
    exitCodeHelp(),
  ].join('\n\n');
}

export function commandHelp(name: string, command: Command): string {
  const { operand, operandHelp, summary, options, examples } = command;
  return [
    `Usage: ${program} ${name} ${operand} [options]`,
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    section('Operand', [[operand, operandHelp]]),
    section('Options', optionRows({ ...options, ...everywhere })),
    exitCodeHelp(),
    ['Examples:', ...examples.map((example) => `  ${program} ${example}`)].join('\n'),
  ].join('\n\n');
}

function optionRows(options: OptionTable): string[][] {
  return Object.entries(options).map(([name, { short, value, help }]) => {
    const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
    return [value === undefined ? names : `${names} ${value}`, help];
  });
}

function exitCodeHelp(): string {
  const rows = exitCodes.map(({ code, means, errors }) => {
    const names = errors.map((error) => (error.endsWith('_') ? `${error}*` : error));
    return [String(code), names.length === 0 ? means : `${means} (${names.join(', ')})`];
  });
  return section('Exit codes', rows);
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([left = '']) => left.length));
  return [`${title}:`, ...rows.map(([left = '', right]) => `  ${left.padEnd(width)}  ${right}`)].join('\n');
}
