/**
 * Patterns of policy elements: `*`, `?`, policy variables (`${key}`, with a default as
 * `${key, 'text'}`) and the escapes `${*}`, `${?}`, `${$}`. A variable's value is literal:
 * wildcards that it holds match themselves alone.
 *
 * A pattern is compiled once to tokens and matched by walking them, without a regular
 * expression and without anything kept per principal; the long common start of ARNs is one
 * comparison.
 */

/** The value of a policy variable; undefined where the request has none, or several. */
export type Resolve = (variable: string) => string | undefined;

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'variable'; readonly name: string; readonly fallback?: string };

export interface Pattern {
  readonly tokens: readonly Token[];
  /** Names of the variables that must have a value. */
  readonly variables: readonly string[];
}

/** Wildcards apply unless `literal`; variables apply unless the document is of 2008. */
export interface PatternSyntax {
  readonly wildcards: boolean;
  readonly variables: boolean;
}

export function compilePattern(source: string, syntax: PatternSyntax): Pattern {
  const tokens: Token[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') tokens.push({ kind: 'text', text });
    text = '';
  };
  for (let index = 0; index < source.length; index += 1) {
    const char = source.charAt(index);
    const close =
      char === '$' && source.charAt(index + 1) === '{' ? source.indexOf('}', index) : -1;
    if (syntax.variables && close > 0) {
      const inner = source.slice(index + 2, close);
      index = close;
      if (inner === '*' || inner === '?' || inner === '$') {
        text += inner;
        continue;
      }
      flush();
      tokens.push(variableToken(inner));
    } else if (syntax.wildcards && (char === '*' || char === '?')) {
      flush();
      tokens.push({ kind: char === '*' ? 'any' : 'one' });
    } else {
      text += char;
    }
  }
  flush();
  const variables = tokens.flatMap((token) =>
    token.kind === 'variable' && token.fallback === undefined ? [token.name] : [],
  );
  return { tokens, variables };
}

/** Undefined where a variable that the pattern needs has no value. */
export function matchPattern(
  pattern: Pattern,
  value: string,
  resolve: Resolve,
): boolean | undefined {
  for (const name of pattern.variables) {
    if (resolve(name) === undefined) return undefined;
  }
  return matchTokens(pattern.tokens, value, resolve);
}

/** The pattern as plain text, for operators without wildcards; undefined as in matchPattern. */
export function renderPattern(pattern: Pattern, resolve: Resolve): string | undefined {
  let text = '';
  for (const token of pattern.tokens) {
    const part = literalOf(token, resolve);
    if (part === undefined) return undefined;
    text += part;
  }
  return text;
}

/** Greedy matching that goes back to the last `*` only: enough, since later ones subsume it. */
function matchTokens(tokens: readonly Token[], value: string, resolve: Resolve): boolean {
  let at = 0;
  let index = 0;
  let starIndex = -1;
  let starAt = 0;
  for (;;) {
    const token = tokens[index];
    if (token === undefined) {
      if (at === value.length) return true;
    } else if (token.kind === 'any') {
      if (index === tokens.length - 1) return true;
      starIndex = index;
      starAt = at;
      index += 1;
      continue;
    } else if (token.kind === 'one') {
      if (at < value.length) {
        at += 1;
        index += 1;
        continue;
      }
    } else {
      const literal = literalOf(token, resolve) ?? '';
      if (value.startsWith(literal, at)) {
        at += literal.length;
        index += 1;
        continue;
      }
    }
    if (starIndex < 0 || starAt >= value.length) return false;
    starAt += 1;
    at = starAt;
    index = starIndex + 1;
  }
}

function literalOf(token: Token, resolve: Resolve): string | undefined {
  switch (token.kind) {
    case 'text':
      return token.text;
    case 'variable':
      return resolve(token.name) ?? token.fallback;
    case 'any':
      return '*';
    case 'one':
      return '?';
    default:
      return token satisfies never;
  }
}

function variableToken(inner: string): Token {
  const fallback = /^([^,]+),\s*'(.*)'\s*$/.exec(inner);
  const name = fallback?.[1];
  const value = fallback?.[2];
  if (name === undefined || value === undefined) return { kind: 'variable', name: inner.trim() };
  return { kind: 'variable', name: name.trim(), fallback: value };
}
