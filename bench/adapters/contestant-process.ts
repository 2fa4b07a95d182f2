import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { firstWord } from '../consul.ts';
import type { Task, Turn, TurnRequest } from './turns.ts';

/** A contestant in a process of its own, idle between its turns. It ends with this one, too. */
export interface ContestantProcess {
  turn(request: TurnRequest): Promise<Turn>;
  close(): Promise<void>;
}

export async function openContestant(task: Task): Promise<ContestantProcess> {
  const child = fork(fileURLToPath(new URL('./turns.js', import.meta.url)), [JSON.stringify(task)]);
  await firstWord(child);
  return {
    turn: (request) =>
      new Promise((resolve, reject) => {
        const settle = () => {
          child.off('message', onTurn);
          child.off('exit', onExit);
        };
        const onTurn = (turn: unknown) => {
          settle();
          resolve(turn as Turn);
        };
        const onExit = () => {
          settle();
          reject(new Error(`${task.contestant}: the process ended in its turn`));
        };
        child.on('message', onTurn).on('exit', onExit);
        child.send(request);
      }),
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.disconnect();
      await exit;
    },
  };
}
