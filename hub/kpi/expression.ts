/**
 * Formulas of tariffs: numbers, names, + − * /, parentheses, min, max, abs and sqrt. Nothing else can be said in them,
 * so nothing else can be done by them. A formula that cannot be read says where; one that lacks a number is undefined.
 */
export interface Expression {
  /** Names that it needs, once each. */
  readonly names: readonly string[];
  /** undefined: a name has no value, or the result is not a finite number. */
  evaluate(value: (name: string) => number | undefined): number | undefined;
}

type Node = (value: (name: string) => number | undefined) => number;

const functions: Readonly<Record<string, { readonly of: (...numbers: number[]) => number; readonly arity?: number }>> =
  {
    min: { of: Math.min },
    max: { of: Math.max },
    abs: { of: Math.abs, arity: 1 },
    sqrt: { of: Math.sqrt, arity: 1 },
  };

/** Longer than any tariff has been; bounds the depth of parentheses too. */
const maxLength = 500;

interface Token {
  readonly text: string;
  readonly at: number;
}

export function parseExpression(text: string): Expression | { readonly error: string } {
  try {
    const names = new Set<string>();
    const node = parse(tokensOf(text), names);
    return {
      names: [...names],
      evaluate(value) {
        const result = node(value);
        return Number.isFinite(result) ? result : undefined;
      },
    };
  } catch (error) {
    if (error instanceof SyntaxError) return { error: error.message };
    throw error;
  }
}

function tokensOf(text: string): Token[] {
  if (text.length > maxLength) throw new SyntaxError(`longer than ${maxLength} characters`);
  const pattern = /\s*(?:(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[A-Za-z_]\w*|[-+*/(),])|(\S))/gy;
  const tokens: Token[] = [];
  for (const match of text.trimEnd().matchAll(pattern)) {
    const at = match.index + match[0].length;
    if (match[2] !== undefined) throw new SyntaxError(`"${match[2]}" at ${at} means nothing here`);
    tokens.push({ text: match[1]!, at: at - match[1]!.length + 1 });
  }
  return tokens;
}

function parse(tokens: readonly Token[], names: Set<string>): Node {
  let next = 0;
  const peek = () => tokens[next]?.text;
  const fail = (expected: string): never => {
    const token = tokens[next];
    throw new SyntaxError(
      token ? `${expected} expected at ${token.at}, not "${token.text}"` : `${expected} expected at the end`,
    );
  };
  const take = (text: string): void => {
    if (peek() !== text) fail(`"${text}"`);
    next++;
  };

  const sum = (): Node => {
    let left = product();
    for (let sign = peek(); sign === '+' || sign === '-'; sign = peek()) {
      next++;
      const [a, b, factor] = [left, product(), sign === '+' ? 1 : -1];
      left = (value) => a(value) + factor * b(value);
    }
    return left;
  };
  const product = (): Node => {
    let left = signed();
    for (let sign = peek(); sign === '*' || sign === '/'; sign = peek()) {
      next++;
      const [a, b] = [left, signed()];
      left = sign === '*' ? (value) => a(value) * b(value) : (value) => a(value) / b(value);
    }
    return left;
  };
  const signed = (): Node => {
    if (peek() !== '-') return primary();
    next++;
    const of = signed();
    return (value) => -of(value);
  };
  const primary = (): Node => {
    const token = peek() ?? fail('a number or a name');
    if (token === '(') {
      next++;
      const inner = sum();
      take(')');
      return inner;
    }
    if (/^\d/.test(token)) {
      next++;
      return () => Number(token);
    }
    if (!/^[A-Za-z_]/.test(token)) return fail('a number or a name');
    next++;
    if (peek() === '(') return call(token);
    names.add(token);
    return (value) => value(token) ?? Number.NaN;
  };
  const call = (name: string): Node => {
    const fn = Object.hasOwn(functions, name) ? functions[name]! : fail(`min, max, abs or sqrt instead of ${name}`);
    take('(');
    const given = [sum()];
    while (peek() === ',') {
      next++;
      given.push(sum());
    }
    if (fn.arity !== undefined && fn.arity !== given.length) fail(`one number for ${name}`);
    take(')');
    return (value) => fn.of(...given.map((one) => one(value)));
  };

  const whole = sum();
  if (next < tokens.length) fail('an operator or the end');
  return whole;
}
