import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program in a process of its own, whose lines are what it says. */
export class Child {
  readonly #process: ChildProcess;
  readonly #said: string[] = [];
  readonly #ended: Promise<readonly [number | null, NodeJS.Signals | null]>;
  #waiting: (() => void)[] = [];
  errors = '';

  constructor(program: string, env: Record<string, string> = {}, how: 'itself' | 'in a shell' = 'itself') {
    const node = ['--input-type=module', '-e', program];
    const [command, args] =
      how === 'itself'
        ? [process.execPath, node]
        : ['sh', ['-c', '"$@"; echo exit code $?', 'sh', process.execPath, ...node]];
    this.#process = spawn(command, args, {
      env: { ...process.env, ...env },
      // Its end of the pipe closes when we end, however we do.
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#process, 'close') as never;
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    let rest = '';
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      this.#said.push(...lines);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    void this.#ended.then(() => {
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  get said(): readonly string[] {
    return this.#said;
  }

  /** The rest of the line that begins so, as soon as it is said. */
  async says(word: string): Promise<string> {
    for (;;) {
      const line = this.#said.find((one) => one.startsWith(word));
      if (line !== undefined) return line.slice(word.length).trim();
      if (this.#process.exitCode !== null || this.#process.signalCode !== null)
        throw new Error(`it ended without a ${word}:\n${this.errors}`);
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Exit code and signal, one of which is null. */
  async ended(): Promise<readonly [number | null, NodeJS.Signals | null]> {
    return this.#ended;
  }
}
