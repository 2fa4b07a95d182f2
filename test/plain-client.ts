import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { decode, encode, type Packet } from 'dns-packet';

/** What a simple client does: one question, and the first reply is believed. */
export interface PlainClient {
  /** How many SRV one UDP reply lists. */
  countByUdp(name: string, edns: number): Promise<number>;
  countByTcp(name: string): Promise<number>;
  close(): Promise<void>;
}

export async function plainClient(server: string): Promise<PlainClient> {
  const [host, port] = server.split(':') as [string, string];
  const socket = createSocket('udp4');
  socket.connect(Number(port), host);
  await once(socket, 'connect');
  const question = (name: string, edns?: number): Buffer =>
    encode({
      type: 'query',
      id: 7,
      questions: [{ name, type: 'SRV' }],
      additionals:
        edns === undefined ? [] : [{ type: 'OPT', name: '.', udpPayloadSize: edns, flags: 0, options: [] }],
    } as unknown as Packet);
  const count = (reply: Buffer) => decode(reply).answers?.length ?? 0;
  return {
    async countByUdp(name, edns) {
      socket.send(question(name, edns));
      const [reply] = (await once(socket, 'message')) as [Buffer];
      return count(reply);
    },
    async countByTcp(name) {
      const connection = createConnection({ host, port: Number(port) });
      const asked = question(name);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(asked.length);
      connection.write(Buffer.concat([length, asked]));
      let held = Buffer.alloc(0);
      for await (const chunk of connection) {
        held = Buffer.concat([held, chunk as Buffer]);
        if (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) break;
      }
      connection.destroy();
      return count(held.subarray(2));
    },
    async close() {
      socket.close();
    },
  };
}
