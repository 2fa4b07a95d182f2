import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Behaviour {
  /** Milliseconds before each answer. */
  delay: number;
  status: number;
}

const program = fileURLToPath(new URL('./backend.js', import.meta.url));
const insistAfter = 10_000;

/** A real HTTP server in a process of its own. Ends with this process, however that ends. */
export class Backend {
  readonly id: string;
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(id: string, port: number, child: ChildProcess) {
    this.id = id;
    this.port = port;
    this.#child = child;
  }

  /** @param port default: any free one. */
  static async start(id: string, port = 0): Promise<Backend> {
    // Not with the flags of the test runner.
    const child = fork(program, [id, String(port)], { execArgv: [] });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the backend ${id} ended with ${code} while starting`);
    });
    const [said] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }];
    ended.catch(() => {});
    return new Backend(id, said.port, child);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  behave(behaviour: Partial<Behaviour>): void {
    this.#child.send(behaviour);
  }

  /** Requests that reached it, health checks apart. */
  async served(): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send('served');
    const [{ served }] = (await answer) as [{ served: number }];
    return served;
  }

  /** No goodbye: its connections are reset. */
  crash(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It does nothing any more, but its connections stay, and the system takes new ones for it. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Stops listening, finishes what is under way, ends. */
  leave(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const insist = setTimeout(() => child.kill('SIGKILL'), insistAfter);
    await ended;
    clearTimeout(insist);
  }
}
