/**
 * A DNS server in a process of its own that sends recorded replies again, by TCP, each time the next one of a tape: as fast as the system
 * can, so that only the client is measured. It knows nothing of DNS but the id and the question, which it repeats as asked.
 */
import { createServer } from 'node:net';

/**
 * Recorded messages, without the length in front; base64. A name of a tape is the first label of the question, or `*` for any other
 * of the length it was recorded for.
 */
export type Tapes = Readonly<Record<string, readonly string[]>>;

const tapes = new Map<string, { readonly replies: readonly Buffer[]; next: number }>();
process.once('message', (recorded: Tapes) => {
  for (const [name, replies] of Object.entries(recorded))
    tapes.set(name, { replies: replies.map((reply) => Buffer.from(reply, 'base64')), next: 0 });
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as { port: number }).port));
});

const server = createServer((socket) => {
  let held: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
      const query = held.subarray(2, 2 + held.readUInt16BE(0));
      held = held.subarray(2 + query.length);
      socket.write(answer(query));
    }
  });
});

function answer(query: Buffer): Buffer {
  const label = query.toString('latin1', 13, 13 + query[12]!).toLowerCase();
  const tape = tapes.get(label) ?? tapes.get('*');
  if (tape === undefined) throw new Error(`no tape named ${label}`);
  const reply = tape.replies[tape.next++ % tape.replies.length]!;
  const framed = Buffer.alloc(2 + reply.length);
  framed.writeUInt16BE(reply.length, 0);
  reply.copy(framed, 2);
  // The id, and the question as far as it goes: the tape was recorded for a name of the same length.
  query.copy(framed, 2, 0, 2);
  query.copy(framed, 14, 12, query.indexOf(0, 12));
  return framed;
}

process.once('disconnect', () => process.exit());
