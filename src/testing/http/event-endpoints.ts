import type { Context } from './context.ts';
import { type Read, Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';
import type { Routes } from './router.ts';
import { uuid } from './uuid.ts';

interface Event {
  ID: string;
  Name: string;
  Payload: string | null;
  NodeFilter: string;
  ServiceFilter: string;
  TagFilter: string;
  Version: number;
  LTime: number;
}

const MOST_EVENTS = 256;

/** /v1/event. The index of a list is no log index: it comes from the id of its last event. */
export function eventRoutes({ random, indexes }: Context): Routes {
  const events: Event[] = [];
  let time = 1;

  const fire = ({ rest: name, body, ...question }: Question): Reply => {
    if (name === '') throw new Refusal(400, 'Missing name');
    const value = (key: string) => question.query.get(key) ?? '';
    const event = {
      ID: uuid(random),
      Name: name,
      Payload: body.length === 0 ? null : body.toString('base64'),
      NodeFilter: value('node'),
      ServiceFilter: value('service'),
      TagFilter: value('tag'),
      Version: 1,
      LTime: 0,
    };
    indexes.write(() => events.push({ ...event, LTime: ++time }));
    if (events.length > MOST_EVENTS) events.shift();
    return { json: event };
  };
  const list = (question: Question): Read => {
    const name = question.value('name');
    const found = () => events.filter((event) => name === '' || event.Name === name);
    return {
      index: () => 1,
      shownIndex: () => indexOf(found().at(-1)),
      isNews: (index) => indexOf(found().at(-1)) !== index,
      saysIndexOnly: true,
      reply: () => ({ json: found() }),
    };
  };
  return { '/v1/event/fire/': { PUT: fire }, '/v1/event/list': { GET: list } };
}

/** One half of the id against the other, as Consul folds it: 64 bits, more than a number of JavaScript holds. */
function indexOf(event: Event | undefined): string {
  if (event === undefined) return '1';
  const hex = event.ID.replaceAll('-', '');
  return String(BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`));
}
