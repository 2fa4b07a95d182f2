import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import dnsPacket from 'dns-packet';

export interface StubRecord {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  readonly data: string;
}

/** By name in lower case; what is not there does not exist. May be changed at any time. */
export type StubZone = Record<string, readonly StubRecord[] | 'silent' | 'SERVFAIL'>;

export interface StubDns {
  /** For Consul's `recursors`. */
  readonly address: string;
  /** `A db.test`, in the order they came. */
  readonly questions: string[];
  close(): Promise<void>;
}

/**
 * A recursive resolver on loopback, by UDP, whose whole internet is `zone`. It answers as such resolvers do: through CNAMEs to their end,
 * a loop gone round once.
 */
export async function startStubDns(zone: StubZone): Promise<StubDns> {
  const socket = createSocket('udp4');
  const questions: string[] = [];
  socket.on('message', (bytes, { port, address }) => {
    const { id, questions: [question] = [] } = dnsPacket.decode(bytes);
    if (question === undefined) return;
    const { name, type } = question;
    questions.push(`${type} ${name.toLowerCase()}`);
    const answers: dnsPacket.Answer[] = [];
    let rcode = name.toLowerCase() in zone ? 0 : nxdomain;
    const visited = new Set<string>();
    for (let at: string | undefined = name.toLowerCase(); at !== undefined && !visited.has(at); ) {
      const owner: string = at;
      const records: StubZone[string] = zone[owner] ?? [];
      if (records === 'silent') return;
      if (records === 'SERVFAIL') rcode = servfail;
      visited.add(owner);
      at = undefined;
      for (const { type: recordType, data } of records === 'SERVFAIL' ? [] : records) {
        if (recordType !== 'CNAME' && recordType !== type) continue;
        answers.push({ name: owner, type: recordType, ttl: 60, data });
        if (recordType === 'CNAME') at = data;
      }
    }
    const flags = dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE | rcode;
    socket.send(
      dnsPacket.encode({ type: 'response', id, flags, questions: [question], answers }),
      port,
      address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    questions,
    close: () => new Promise((closed) => socket.close(() => closed())),
  };
}

const servfail = 2;
const nxdomain = 3;
