/** A filter, taken apart. */
export type Expression =
  | { readonly is: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly is: 'not'; readonly of: Expression }
  | Match;

export interface Match {
  readonly is: 'match';
  readonly selector: readonly string[];
  readonly operator: Operator;
  /** '' where the operator takes none. */
  readonly value: string;
}

export type Operator =
  | '=='
  | '!='
  | 'in'
  | 'not in'
  | 'matches'
  | 'not matches'
  | 'is empty'
  | 'is not empty';

export class FilterSyntaxError extends Error {}

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign';
  readonly text: string;
  readonly at: number;
}

/** Not too deep for the stack: Consul limits them too. */
const DEEPEST = 100;

/**
 * Reads what go-bexpr reads: ==, !=, in, not in, contains, not contains, matches, not matches, is empty, is not empty, and, or,
 * not, parentheses; selectors with dots and `["…"]`; values quoted or bare.
 *
 * @throws FilterSyntaxError
 */
export function parseFilter(text: string): Expression {
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;

  const peek = (offset = 0) => tokens[at + offset];
  const isWord = (word: string, offset = 0) => peek(offset)?.kind === 'word' && peek(offset)?.text === word;
  const isSign = (sign: string) => peek()?.kind === 'sign' && peek()?.text === sign;
  const take = (what: string): Token => {
    const token = tokens[at++];
    if (token === undefined) throw new FilterSyntaxError(`the filter ends where ${what} is expected`);
    return token;
  };
  const wrong = (token: Token, what: string) =>
    new FilterSyntaxError(
      `1:${token.at + 1} (${token.at}): expected ${what}, found ${JSON.stringify(token.text)}`,
    );
  const words = (...wanted: string[]): boolean => {
    if (!wanted.every((word, offset) => isWord(word, offset))) return false;
    at += wanted.length;
    return true;
  };

  const joined = (word: 'or' | 'and', part: () => Expression): Expression => {
    let left = part();
    while (words(word)) left = { is: word, left, right: part() };
    return left;
  };
  const either = (): Expression => joined('or', both);
  const both = (): Expression => joined('and', single);
  const single = (): Expression => {
    if (++depth > DEEPEST) throw new FilterSyntaxError('the filter is nested too deeply');
    try {
      if (isWord('not') && !isWord('in', 1)) {
        at++;
        return { is: 'not', of: single() };
      }
      if (!isSign('(')) return match();
      at++;
      const inner = either();
      const end = take(')');
      if (end.text !== ')' || end.kind !== 'sign') throw wrong(end, '")"');
      return inner;
    } finally {
      depth--;
    }
  };
  const match = (): Match => {
    // A value may come first: "v1" in ServiceTags
    const start = at;
    const first = take('a selector or a value');
    if (first.kind !== 'sign') {
      const operator = words('not', 'in') ? 'not in' : words('in') ? 'in' : undefined;
      if (operator !== undefined) return { is: 'match', selector: selector(), operator, value: first.text };
    }
    at = start;
    const left = selector();
    if (words('is', 'not', 'empty'))
      return { is: 'match', selector: left, operator: 'is not empty', value: '' };
    if (words('is', 'empty')) return { is: 'match', selector: left, operator: 'is empty', value: '' };
    const operator = comparison();
    return { is: 'match', selector: left, operator, value: value() };
  };
  const comparison = (): Operator => {
    if (words('not', 'contains')) return 'not in';
    if (words('contains')) return 'in';
    if (words('not', 'matches')) return 'not matches';
    if (words('matches')) return 'matches';
    const sign = take('an operator');
    if (sign.kind !== 'sign' || (sign.text !== '==' && sign.text !== '!=')) throw wrong(sign, 'an operator');
    return sign.text;
  };
  const value = (): string => {
    const token = take('a value');
    if (token.kind === 'sign') throw wrong(token, 'a value');
    return token.text;
  };
  const selector = (): string[] => {
    const token = take('a selector');
    if (token.kind !== 'word' || !/^[a-zA-Z]\w*(\.[\w/-]+)*$/.test(token.text))
      throw wrong(token, 'a selector');
    const path = token.text.split('.');
    while (isSign('[')) {
      at++;
      const key = take('a quoted key');
      if (key.kind !== 'quoted') throw wrong(key, 'a quoted key');
      path.push(key.text);
      const end = take(']');
      if (end.text !== ']') throw wrong(end, '"]"');
      const further = peek();
      if (further?.kind === 'word' && further.text.startsWith('.')) {
        at++;
        path.push(...further.text.slice(1).split('.'));
      }
    }
    return path;
  };

  const expression = either();
  const rest = peek();
  if (rest !== undefined) throw wrong(rest, '"and", "or" or the end');
  return expression;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:(==|!=|[()[\]])|"((?:[^"\\]|\\.)*)"|`([^`]*)`|([\w./:-]+))|\s+$/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const found = pattern.exec(text);
    if (found === null)
      throw new FilterSyntaxError(
        `1:${at + 1} (${at}): no match found for ${JSON.stringify(text.slice(at))}`,
      );
    const [, sign, quoted, plain, word] = found;
    if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: unescaped(quoted), at });
    else if (plain !== undefined) tokens.push({ kind: 'quoted', text: plain, at });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word, at });
  }
  return tokens;
}

function unescaped(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return quoted;
  }
}
