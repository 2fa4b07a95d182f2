import type { Context } from './context.ts';
import { Refusal } from './reply.ts';
import type { Question } from './request.ts';

/**
 * The datacenter a question is for; the own one where it names none.
 *
 * @throws Refusal 500 where it is unknown or its servers cannot be reached.
 */
export function datacenterOf(question: Question, { settings, catalogue, access }: Context): string {
  const wanted = (question.value('dc') || settings.datacenter).toLowerCase();
  const isKnown = wanted === settings.datacenter.toLowerCase() || catalogue.knowsDatacenter(wanted);
  if (!isKnown || access.unreachable.has(wanted)) throw new Refusal(500, 'No path to datacenter');
  return wanted;
}
