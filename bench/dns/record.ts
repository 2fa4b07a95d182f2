import { fork } from 'node:child_process';
import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import dnsPacket from 'dns-packet';
import { ending, firstWord } from '../consul.ts';
import type { Tapes } from './replay.ts';

/** Asks for SRV by TCP, `count` times, and returns the replies as they came. */
export async function record(port: number, name: string, count: number): Promise<string[]> {
  const replies: string[] = [];
  for (let i = 0; i < count; i++) replies.push((await ask(port, name)).toString('base64'));
  return replies;
}

/** A server that sends the replies again. */
export async function startReplay(tapes: Tapes): Promise<{ port: number; close(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL('./replay.js', import.meta.url)));
  const close = ending(child);
  child.send(tapes);
  return { port: await firstWord<number>(child), close };
}

function ask(port: number, name: string): Promise<Buffer> {
  const query = dnsPacket.streamEncode({
    type: 'query',
    id: 1,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: 'SRV', name }],
  });
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(query));
    let held: Buffer = Buffer.alloc(0);
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no reply for ${name} in 10 s`)));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return;
      socket.destroy();
      resolve(held.subarray(2));
    });
  });
}
