import type { ConsulDouble } from '../../src/testing/consul-double.ts';
import { type Client, request, tcpClient, udpClient } from './ask.ts';
import type { Capture } from './captures.ts';
import { toMessage } from './captures.ts';

/** How like Consul the double answered: the second and third differ in nothing but what Consul draws at random. */
export type Likeness = 'the same bytes' | 'the same in another order' | 'another part of the same' | string;

/** After 128 questions Consul closes a connection (F8.2). */
const PER_CONNECTION = 100;

/**
 * Asks the double what Consul was asked, again and again until it says what Consul said, at most `draws` times; else the best of
 * its replies counts, and if none is like it the first is shown.
 * `part`: Consul sends a random part of what there is, so that another part is as good.
 */
export async function replay(
  double: ConsulDouble,
  capture: Capture,
  draws: number,
  part = false,
): Promise<Likeness> {
  const wanted = masked(capture.response);
  const open = () => (capture.transport.startsWith('tcp') ? tcpClient : udpClient)(double);
  let best: Likeness = '';
  let first = '';
  for (let left = draws; left > 0; left -= PER_CONNECTION) {
    await using client = await open();
    if (wanted.length === 0) return await silence(client, capture.request);
    for (let drawn = 0; drawn < Math.min(left, PER_CONNECTION); drawn++) {
      const got = masked(await ask(client, capture.request));
      if (got.equals(wanted)) return 'the same bytes';
      first ||= difference(got, wanted);
      if (got.length < 13 || wanted.length < 13) continue;
      if (sorted(got) === sorted(wanted)) best = 'the same in another order';
      else if (best === '' && outline(got) === outline(wanted)) best = 'another part of the same';
      if (part && best !== '') return best;
    }
  }
  return best || first;
}

/** In how many orders the records of a reply could have come. */
export function orders({ response }: Capture): number {
  if (response.length < 13) return 1;
  const { answers, additionals } = toMessage(response);
  let count = factorial(answers.length);
  const texts = new Map<string, number>();
  for (const { name, type } of [...answers, ...additionals]) {
    if (type === 'TXT') texts.set(name, (texts.get(name) ?? 0) + 1);
  }
  for (const each of texts.values()) count *= factorial(each);
  return count;
}

function factorial(count: number): number {
  return count < 2 ? 1 : count * factorial(count - 1);
}

/** No reply to this one: the next thing to come answers the next question (F12.5). */
async function silence(client: Client, question: Buffer): Promise<Likeness> {
  const next = request({ name: 'foo.consul', id: 9 });
  client.send(question, next);
  const got = await client.next();
  return got.readUInt16BE(0) === 9
    ? 'the same bytes'
    : `Consul was silent, the double said ${got.toString('hex')}`;
}

async function ask(client: Client, request: Buffer): Promise<Buffer> {
  client.send(request);
  return client.next();
}

/** Without the serial of a SOA, which is the time of day. */
function masked(response: Buffer): Buffer {
  const copy = Buffer.from(response);
  const timers = Buffer.from(
    [3600, 600, 86_400].flatMap((value) => [0, value >> 16, (value >> 8) & 255, value & 255]),
  );
  const at = copy.indexOf(timers);
  if (at > 4) copy.fill(0, at - 4, at);
  return copy;
}

/** Everything but the order of records. */
function sorted(response: Buffer): string {
  const { answers, authorities, additionals, ...rest } = toMessage(response);
  const sections = [answers, authorities, additionals].map((records) =>
    records.map((record) => JSON.stringify(record)).sort(),
  );
  return JSON.stringify([response.length, rest, sections]);
}

/** Header, question, size, and what kinds of records there are how often. */
function outline(response: Buffer): string {
  const { answers, authorities, additionals, ...rest } = toMessage(response);
  const sections = [answers, authorities, additionals].map((records) =>
    records.map(({ type, ttl }) => `${type} ${ttl}`).sort(),
  );
  return JSON.stringify([response.length, rest, sections]);
}

function difference(got: Buffer, wanted: Buffer): string {
  const show = (response: Buffer) =>
    response.length < 13
      ? response.toString('hex')
      : JSON.stringify({ length: response.length, ...toMessage(response) });
  return `double: ${show(got)}\nConsul: ${show(wanted)}`;
}
