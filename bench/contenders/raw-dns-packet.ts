import { createSocket, type Socket } from 'node:dgram';
import dnsPacket, { type DecodedPacket } from 'dns-packet';

/** One raw round trip: encode an SRV question, send it, decode the reply. No timeout, no check, no second try. */
export class RawDnsPacket {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static open(host: string, port: number): Promise<RawDnsPacket> {
    const socket = createSocket('udp4');
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, host, () => resolve(new RawDnsPacket(socket)));
    });
  }

  ask(name: string): Promise<DecodedPacket> {
    const bytes = dnsPacket.encode({
      type: 'query',
      id: Math.floor(Math.random() * 65_536),
      flags: dnsPacket.RECURSION_DESIRED,
      questions: [{ type: 'SRV', name }],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 65_000,
          flags: 0,
          extendedRcode: 0,
          ednsVersion: 0,
          flag_do: false,
          options: [],
        },
      ],
    });
    return new Promise((resolve) => {
      this.#socket.once('message', (message) => resolve(dnsPacket.decode(message)));
      this.#socket.send(bytes);
    });
  }

  close(): void {
    this.#socket.close();
  }
}

/** `host:port` of each SRV that has an address beside it. */
export function addressesIn({ answers = [], additionals = [] }: DecodedPacket): string[] {
  const hosts = new Map<string, string>();
  for (const record of additionals) if (record.type === 'A') hosts.set(record.name, record.data);
  return answers.flatMap((record) => {
    const host = record.type === 'SRV' ? hosts.get(record.data.target) : undefined;
    return record.type === 'SRV' && host !== undefined ? [`${host}:${record.data.port}`] : [];
  });
}
