import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { describe, test } from 'vitest';

const READY_WITHIN_MS = 60_000;

/** When the test process ends, however it does, its end of the pipe closes: no server outlives it. */
const WATCHDOG = 'trap "" INT TERM HUP; read -r _; kill -9 "$0" 2>/dev/null';

export interface Command {
  readonly path: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  /** What it prints when it takes connections. */
  readonly ready: RegExp;
}

/** A server of somebody else's, as a process of its own. */
export class ChildServer {
  readonly #command: Command;
  #child: ChildProcess | undefined;
  #watchdog: ChildProcess | undefined;

  constructor(command: Command) {
    this.#command = command;
  }

  async start(): Promise<void> {
    const { path, args, uid, gid, ready } = this.#command;
    const who = { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
    // Not from a directory that the other user may not enter.
    const child = spawn(path, args, { ...who, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    await once(child, 'spawn');
    this.#watchdog = spawn('sh', ['-c', WATCHDOG, String(child.pid)], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watchdog.unref();
    (this.#watchdog.stdin as Socket).unref();
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string) => reject(new Error(`${path} ${what}:\n${output}`));
      const timer = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS} ms`), READY_WITHIN_MS);
      child.once('exit', () => fail('ended while starting'));
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output = (output + text).slice(-16_384);
          if (!ready.test(output)) return;
          clearTimeout(timer);
          resolve();
        });
      }
    }).catch(async (error) => {
      await this.end('SIGKILL');
      throw error;
    });
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    for (const child of [this.#child, this.#watchdog]) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue;
      const closed = once(child, 'close');
      // Only after its server: its process id may belong to somebody else from then on.
      child.kill(child === this.#watchdog ? 'SIGKILL' : signal);
      await closed;
    }
  }
}

/** What `named` says, or the first of `usual` that is there. */
export function findBinary(named: string | undefined, ...usual: readonly string[]): string | undefined {
  return named || usual.find((path) => existsSync(path));
}

/** `describe` for suites that need a server: without it skipped, with a word why, or failed where `CI=true`. */
export function describeWithServer(
  title: string,
  binary: string | undefined,
  reason: string,
  suite: (binary: string) => void,
): void {
  if (binary !== undefined) {
    describe(title, () => suite(binary));
  } else if (process.env['CI'] === 'true') {
    describe(title, () => {
      test('finds its server', () => {
        throw new Error(reason);
      });
    });
  } else {
    console.warn(`skipped: ${title}: ${reason}`);
    describe.skip(title, () => suite(''));
  }
}
