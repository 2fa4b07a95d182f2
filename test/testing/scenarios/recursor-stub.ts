import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readQuery } from '../../../src/testing/query.ts';
import { type RecursorZone, recurse } from '../../../src/testing/recursor.ts';
import { encodeMessage, TYPES } from '../../../src/testing/wire.ts';

const RCODES = { SERVFAIL: 2, REFUSED: 5 } as const;

/** A resolver for a real Consul to ask: it knows the zone, and answers over UDP and TCP. */
export async function startRecursor(zone: RecursorZone): Promise<{ address: string } & AsyncDisposable> {
  const answer = (request: Buffer): Buffer | undefined => {
    const query = readQuery(request);
    if (query === undefined || 'refusal' in query) return undefined;
    const { id, name, type } = query;
    const known = zone[name.toLowerCase()];
    if (known === 'timeout') return undefined;
    const found =
      typeof known === 'string'
        ? { rcode: RCODES[known], answers: [] }
        : recurse(zone, name, (kind) => TYPES[kind] === type);
    const question = { name, type, class: 1 };
    return encodeMessage({
      id,
      flags: 0x8180 | found.rcode,
      question,
      answers: found.answers,
      authorities: [],
      additionals: [],
    });
  };

  const udp = createSocket('udp4');
  udp.on('message', (request, { port, address }) => {
    const reply = answer(request);
    if (reply !== undefined) udp.send(reply, port, address);
  });
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (message) => {
      const reply = answer(message.subarray(2));
      if (reply === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.end(Buffer.concat([length, reply]));
    });
  });
  const { port } = udp.address();
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await Promise.all([once(udp, 'close'), once(tcp, 'close')]);
    },
  };
}
