import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { type Answer, empty, RCODES } from './answer.ts';
import { answer } from './answers.ts';
import { inDomain } from './domains.ts';
import { holdForLeader, questionsToServers } from './election.ts';
import { type DoubleQuery, type Faults, typeName } from './faults.ts';
import { foreign, forged, guesses, malformed, unrelatedRecords } from './forged.ts';
import { bare, type Query, readQuery } from './query.ts';
import { reply, type Transport } from './reply.ts';
import { type Handle, type Outgoing, silence } from './servers.ts';
import type { World } from './world.ts';
import { failed, missing } from './zone.ts';

export interface ResponderOptions {
  world: World;
  faults: Faults;
  clock: Clock;
  /** Apart from the world's: what goes wrong does not change the order of answers. */
  random: Random;
  /** Told of every question that can be read. */
  onQuery(query: DoubleQuery): void;
}

/** From a request to what is sent for it: Consul's reply, and what goes wrong with it. */
export function createResponder({ world, faults, clock, random, onQuery }: ResponderOptions): Handle {
  const { settings, access } = world;

  const findAnswer = (query: Query, believed: World): Answer => {
    if (faults.refuse) return empty(RCODES.REFUSED, { authoritative: false, recursed: true });
    if (faults.formerr) return empty(RCODES.FORMERR, { authoritative: false, recursed: true });
    if (faults.servfail > 0 && random.fraction() < faults.servfail) return failed(world);
    if (faults.nxdomain && inDomain(settings, query.name) !== undefined) return missing(world, query.name);
    return answer(believed, query);
  };

  const respond = (query: Query, transport: Transport, seen: DoubleQuery, believed: World): Outgoing => {
    const wrong = faults.only?.(seen) ?? true;
    const found = wrong ? findAnswer(query, believed) : answer(believed, query);
    const delay = found.took + (wrong ? faults.delay(seen) : 0);
    if (wrong && faults.formerr === 'bare') {
      return { ...silence, delay, packets: [bare(query.id, query.flags, RCODES.FORMERR)] };
    }
    const packet = reply(query, found, settings, transport, {
      emptied: wrong && faults.truncate && transport === 'udp',
      additionals: wrong && faults.unrelated ? unrelatedRecords(query) : [],
    });
    if (packet === undefined) return silence;
    if (!wrong || transport === 'tcp') return { ...silence, delay, packets: [packet] };
    return {
      delay,
      packets: [
        ...(faults.corrupt ? malformed(query, packet) : []),
        ...(faults.foreign ? foreign(query) : []),
        ...(faults.guess > 0 ? guesses(query, faults.guess, random) : []),
        ...new Array<Buffer>(1 + faults.duplicate).fill(packet),
      ],
      spoofed: faults.spoof ? [forged(query)] : [],
      late: faults.late > 0 ? { packet, after: faults.late } : undefined,
    };
  };

  /** Without a leader each question to the servers is held, one after the other. */
  const respondHeld = async (
    query: Query,
    transport: Transport,
    seen: DoubleQuery,
    questions: number,
  ): Promise<Outgoing> => {
    let led = true;
    for (let asked = 0; asked < questions; asked++) {
      led = await holdForLeader(() => faults.leader, clock, random, settings.dialect.growingPauses);
      if (led) break;
    }
    const unreachable = led
      ? access.unreachable
      : new Set([...access.unreachable, settings.datacenter.toLowerCase()]);
    return respond(query, transport, seen, { ...world, access: { ...access, unreachable } });
  };

  return (request, transport, from) => {
    const query = readQuery(request);
    if (query === undefined) return silence;
    if ('refusal' in query) return { ...silence, packets: [query.refusal] };
    const seen = { name: query.name, type: typeName(query.type), transport, edns: query.edns };
    onQuery(seen);
    const intercepted = faults.intercept?.({ ...seen, request, from });
    if (intercepted === 'drop') return silence;
    if (intercepted !== undefined) {
      return { ...silence, packets: Buffer.isBuffer(intercepted) ? [intercepted] : intercepted };
    }
    if (faults.only?.(seen) ?? true) {
      if (transport === 'udp' && faults.lose > 0) {
        faults.lose--;
        return silence;
      }
      if (faults.drop) return silence;
    }
    const questions = faults.leader ? 0 : questionsToServers(settings, query);
    if (questions > 0) return respondHeld(query, transport, seen, questions);
    return respond(query, transport, seen, world);
  };
}
