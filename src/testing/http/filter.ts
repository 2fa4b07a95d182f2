import { type Expression, FilterSyntaxError, type Match, parseFilter } from './filter-parser.ts';
import { type Kind, type Struct, unsupported } from './filter-schema.ts';
import { Refusal } from './reply.ts';
import type { Question } from './request.ts';

export type Filter = (value: object) => boolean;

/**
 * What `?filter=` says yes to.
 *
 * @throws Refusal 500 in Consul's words for what it does not understand; 400 for what it would, and the double does not.
 */
export function filterOf(question: Question, of: Struct): Filter {
  const text = question.value('filter');
  if (text === '') return () => true;
  const failed = (why: string) => new Refusal(500, `Failed to create boolean expression evaluator: ${why}`);
  try {
    return compiled(parseFilter(text), of, failed);
  } catch (error) {
    throw error instanceof FilterSyntaxError ? failed(error.message) : error;
  }
}

function compiled(expression: Expression, of: Struct, failed: (why: string) => Refusal): Filter {
  switch (expression.is) {
    case 'and':
    case 'or': {
      const left = compiled(expression.left, of, failed);
      const right = compiled(expression.right, of, failed);
      return expression.is === 'and'
        ? (value) => left(value) && right(value)
        : (value) => left(value) || right(value);
    }
    case 'not': {
      const inner = compiled(expression.of, of, failed);
      return (value) => !inner(value);
    }
    case 'match': {
      const kind = kindAt(expression.selector, of, failed);
      const test = tester(expression, kind, failed);
      return (value) => reaches(value, of, expression.selector, test);
    }
  }
}

/** @throws Refusal where there is no such field. */
function kindAt(selector: readonly string[], of: Struct, failed: (why: string) => Refusal): Kind {
  let kind: Kind = of;
  for (const [depth, name] of selector.entries()) {
    if (unsupported.has(name)) throw new Refusal(400, `the double does not filter by ${name}`);
    if (kind === 'map' && depth === selector.length - 1) return 'string';
    const fields: Struct | undefined = isListOfStructs(kind)
      ? kind[0]
      : typeof kind === 'object'
        ? kind
        : undefined;
    const next: Kind | undefined =
      fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (next === undefined) throw failed(`Selector ${JSON.stringify(selector.join('.'))} is not valid`);
    kind = next;
  }
  return kind;
}

/** Through a list it is enough that one of its elements passes. */
function reaches(
  value: unknown,
  kind: Kind,
  path: readonly string[],
  test: (value: unknown) => boolean,
): boolean {
  const [name, ...rest] = path;
  if (name === undefined) return test(value);
  if (isListOfStructs(kind))
    return ((value as object[]) ?? []).some((one) => reaches(one, kind[0], path, test));
  const held = (value ?? {}) as Record<string, unknown>;
  const inner = Object.hasOwn(held, name) ? held[name] : undefined;
  return reaches(inner, kind === 'map' ? 'string' : (kind as Struct)[name]!, rest, test);
}

/** undefined is a key that a map has not, or a field that is left out for being zero. */
function tester(
  { operator, value, selector }: Match,
  kind: Kind,
  failed: (why: string) => Refusal,
): (of: unknown) => boolean {
  const not = operator.includes('not') || operator === '!=';
  const yes = positive({ operator, value, selector }, kind, failed);
  return not ? (of) => !yes(of) : yes;
}

function positive(
  { operator, value, selector }: Pick<Match, 'operator' | 'value' | 'selector'>,
  kind: Kind,
  failed: (why: string) => Refusal,
): (of: unknown) => boolean {
  const invalid = () =>
    failed(
      `Invalid match operator ${JSON.stringify(NAMES[operator])} for selector ${JSON.stringify(selector.join('.'))}`,
    );
  const isCollection = kind === 'list' || kind === 'map' || typeof kind === 'object';
  switch (operator) {
    case '==':
    case '!=':
      if (isCollection) throw invalid();
      if (kind === 'number') {
        if (!/^-?\d+$/.test(value))
          throw failed(`Failed to convert value ${JSON.stringify(value)} to an integer`);
        return (of) => (of ?? 0) === Number(value);
      }
      if (kind === 'bool') return (of) => String(of ?? false) === value;
      return (of) => of === value || (of === undefined && value === '' && selector.length === 1);
    case 'in':
    case 'not in':
      if (kind === 'list') return (of) => ((of as string[]) ?? []).includes(value);
      if (kind === 'map') return (of) => Object.hasOwn((of as object) ?? {}, value);
      if (kind === 'string') return (of) => typeof of === 'string' && of.includes(value);
      throw invalid();
    case 'matches':
    case 'not matches': {
      if (kind !== 'string') throw invalid();
      const pattern = regularExpression(value, failed);
      return (of) => typeof of === 'string' && pattern.test(of);
    }
    case 'is empty':
    case 'is not empty':
      if (kind === 'number' || kind === 'bool') throw invalid();
      return (of) => sizeOf(of) === 0;
  }
}

const NAMES: Record<Match['operator'], string> = {
  '==': 'Equal',
  '!=': 'Not Equal',
  in: 'In',
  'not in': 'Not In',
  matches: 'Matches',
  'not matches': 'Not Matches',
  'is empty': 'Is Empty',
  'is not empty': 'Is Not Empty',
};

function regularExpression(text: string, failed: (why: string) => Refusal): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw failed(`Failed to compile regular expression ${JSON.stringify(text)}`);
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return Object.keys((value as object | null) ?? {}).length;
}

function isListOfStructs(kind: Kind): kind is readonly [Struct] {
  return Array.isArray(kind);
}
