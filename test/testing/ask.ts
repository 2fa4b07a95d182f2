import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Answer, BaseAnswer, DecodedPacket, OptAnswer, SrvData } from 'dns-packet';
import { decode } from 'dns-packet';

/** The double, or a real Consul. */
export interface Server {
  readonly port: number;
}

/** A plain DNS client, so that nothing of ours stands between a test and the bytes of the double. */
export interface Asked {
  name: string;
  /** Default 'SRV'. */
  type?: keyof typeof NUMBERS;
  edns?: number;
  id?: number;
  /** Default: RD. */
  flags?: number;
}

export interface Reply {
  bytes: Buffer;
  rcode: string;
  aa: boolean;
  tc: boolean;
  /** 'host:port' by the additional section, or '?:port'. */
  instances: string[];
  targets: string[];
  answers: string[];
  authorities: string[];
  additionals: string[];
  edns: number | undefined;
}

const NUMBERS = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  AXFR: 252,
  ANY: 255,
};

export function request({ name, type = 'SRV', edns, id = 4711, flags = 0x0100 }: Asked): Buffer {
  const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  const opt = edns === undefined ? [] : [Buffer.from([0]), words(41, edns, 0, 0, 0)];
  const header = words(id, flags, 1, 0, 0, opt.length === 0 ? 0 : 1);
  return Buffer.concat([header, ...labels, Buffer.from([0]), words(NUMBERS[type], 1), ...opt]);
}

export async function askUdp(server: Server, asked: Asked): Promise<Reply> {
  await using client = await udpClient(server);
  client.send(request(asked));
  return read(await client.next());
}

export async function askTcp(server: Server, asked: Asked): Promise<Reply> {
  await using client = await tcpClient(server);
  client.send(request(asked));
  return read(await client.next());
}

export interface Client extends AsyncDisposable {
  send(...messages: Buffer[]): void;
  next(): Promise<Buffer>;
  /** Resolves when the double closes the connection; never over UDP. */
  closed: Promise<void>;
  end(): void;
}

export async function udpClient({ port }: Server): Promise<Client> {
  const socket: Socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const inbox = mailbox();
  socket.on('message', inbox.put);
  socket.on('error', inbox.fail);
  return {
    send: (...messages) => {
      for (const message of messages) socket.send(message);
    },
    next: inbox.next,
    closed: new Promise(() => {}),
    end: () => {},
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

export async function tcpClient({ port }: Server): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  const inbox = mailbox();
  let received = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      inbox.put(received.subarray(2, end));
      received = received.subarray(end);
    }
  });
  const closed = new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()));
  socket.on('error', inbox.fail);
  return {
    send: (...messages) => {
      const framed = messages.map((message) => {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        return Buffer.concat([length, message]);
      });
      socket.write(Buffer.concat(framed));
    },
    next: inbox.next,
    closed,
    end: () => {
      socket.end();
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

function mailbox() {
  const waiting: { resolve: (message: Buffer) => void; reject: (error: Error) => void }[] = [];
  const kept: (Buffer | Error)[] = [];
  return {
    put: (message: Buffer) => {
      const first = waiting.shift();
      if (first === undefined) kept.push(message);
      else first.resolve(message);
    },
    fail: (error: Error) => {
      const first = waiting.shift();
      if (first === undefined) kept.push(error);
      else first.reject(error);
    },
    next: () => {
      const first = kept.shift();
      if (first instanceof Error) return Promise.reject(first);
      if (first !== undefined) return Promise.resolve(first);
      return new Promise<Buffer>((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}

export function read(bytes: Buffer): Reply {
  const packet: DecodedPacket = decode(bytes);
  const additionals = packet.additionals ?? [];
  const addresses = new Map<string, string>();
  for (const record of additionals) {
    if (record.type === 'A' || record.type === 'AAAA') addresses.set(record.name, record.data);
  }
  const services = (packet.answers ?? []).flatMap((record) => (record.type === 'SRV' ? [record.data] : []));
  const opt = additionals.find((record): record is OptAnswer => record.type === 'OPT');
  return {
    bytes,
    rcode: (packet as unknown as { rcode: string }).rcode,
    aa: packet.flag_aa,
    tc: packet.flag_tc,
    instances: services.map(({ target, port }) => `${addresses.get(target) ?? '?'}:${port}`).sort(),
    targets: services.map(({ target }) => target).sort(),
    answers: (packet.answers ?? []).map(show),
    authorities: (packet.authorities ?? []).map(show),
    additionals: additionals.filter((record) => record !== opt).map(show),
    edns: opt?.udpPayloadSize,
  };
}

/** 'name TTL type data' */
function show(record: Answer): string {
  if (record.type === 'OPT') return 'OPT';
  const { name, type, data, ttl } = record as BaseAnswer<string, unknown>;
  return `${name} ${ttl} ${type} ${showData(type, data)}`;
}

function showData(type: string, data: unknown): string {
  if (type === 'SRV') {
    const { priority, weight, port, target } = data as SrvData;
    return `${priority} ${weight} ${port} ${target}`;
  }
  if (type === 'SOA') {
    const { mname, rname } = data as { mname: string; rname: string };
    return `${mname} ${rname}`;
  }
  return String(data);
}
