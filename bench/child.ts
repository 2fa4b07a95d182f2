import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs a module of the bench in a process of its own and returns what it sent: each measurement starts with untouched inline
 * caches and an empty heap, as in a program that uses one strategy.
 */
export function inChild<Result>(
  module: URL,
  task: unknown,
  nodeOptions: readonly string[] = [],
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(module), [JSON.stringify(task)], { execArgv: [...nodeOptions] });
    let result: { readonly value: Result } | undefined;
    child.on('message', (message) => {
      result = message as { readonly value: Result };
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0 && result !== undefined) resolve(result.value);
      else reject(new Error(`${fileURLToPath(module)} ended with ${signal ?? code} and without a result`));
    });
  });
}

/** The child's side: does the task it was started with, sends the result, and ends. */
export async function asChild<Task>(work: (task: Task) => Promise<unknown>): Promise<void> {
  // Where the parent is gone, so is the server that was measured.
  process.once('disconnect', () => process.exit());
  const value = await work(JSON.parse(process.argv[2] ?? 'null') as Task);
  process.send!({ value }, () => {
    if (process.connected) process.disconnect();
  });
}
