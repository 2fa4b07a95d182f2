import { connect } from 'node:net';
import { type DecodedPacket, decode, encode, type SrvAnswer, type StringAnswer } from 'dns-packet';

/** Who waits longer is without an answer. */
const patience = 700;

/**
 * What Consul itself answers now, by TCP and without anything of ours in between: the `host:port` of every instance, none where
 * it says that there is none, `undefined` where it does not answer, or by an error.
 */
export async function plainLookup(port: number, name: string): Promise<ReadonlySet<string> | undefined> {
  const reply = await exchange(
    port,
    framed(encode({ type: 'query', id: 7, questions: [{ name, type: 'SRV' }] })),
  );
  if (reply === undefined) return undefined;
  const { rcode, answers = [], additionals = [] } = decode(reply) as DecodedPacket & { rcode: string };
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') return undefined;
  const addressOf = new Map<string, string>();
  for (const { type, name: owner, data } of additionals as StringAnswer[]) {
    if ((type as string) === 'A') addressOf.set(owner, data);
  }
  const instances = (answers as SrvAnswer[]).filter(({ type }) => type === 'SRV');
  return new Set(instances.map(({ data }) => `${addressOf.get(data.target) ?? data.target}:${data.port}`));
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

function exchange(port: number, question: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = Buffer.alloc(0);
    socket.setTimeout(patience, () => socket.destroy());
    socket.on('error', () => {});
    socket.on('close', () => resolve(undefined));
    socket.on('data', (part: Buffer) => {
      received = Buffer.concat([received, part]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2));
      socket.destroy();
    });
    socket.write(question);
  });
}
