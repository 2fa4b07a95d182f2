#!/usr/bin/env node
import { unexpected } from './exit-codes.ts';
import { run } from './run.ts';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, like `| head`.
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

// Node's own code for this, 1, means "nothing found" here.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(unexpected);
});

// Not exit(): what is still to be written goes out first.
process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  isTTY: process.stdout.isTTY === true,
  columns: process.stdout.columns || 80,
});
