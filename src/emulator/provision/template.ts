import { parseDocument, type ScalarTag, type CollectionTag, isMap, isSeq, isScalar } from 'yaml';

/** A CloudFormation template as plain data; short intrinsics (`!Ref X`) in their long form. */
export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue };

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

const INTRINSICS = [
  'Sub',
  'GetAtt',
  'Join',
  'Select',
  'Split',
  'If',
  'Equals',
  'Not',
  'ImportValue',
];

/** Parses YAML text with CloudFormation's tags; throws TemplateError. */
export function parseTemplate(text: string): Readonly<Record<string, TemplateValue>> {
  const document = parseDocument(text, { customTags: intrinsicTags() });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined)
    throw new TemplateError(`The template is not valid: ${problem.message}`);
  const value: unknown = document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TemplateError('The template must be a mapping');
  }
  return value as Readonly<Record<string, TemplateValue>>;
}

/** A scalar as text; throws TemplateError, which says where by `name`. */
export function asText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TemplateError(`${name} must be a string`);
}

function intrinsicTags(): (ScalarTag | CollectionTag)[] {
  const names = [['Ref', 'Ref'], ...INTRINSICS.map((name) => [name, `Fn::${name}`])] as const;
  return names.flatMap(([tag = '', key = '']) => [
    { tag: `!${tag}`, resolve: (text: string) => ({ [key]: longForm(key, text) }) },
    {
      tag: `!${tag}`,
      collection: 'seq' as const,
      resolve: (node: unknown) => ({ [key]: plain(node) }),
    },
    {
      tag: `!${tag}`,
      collection: 'map' as const,
      resolve: (node: unknown) => ({ [key]: plain(node) }),
    },
  ]);
}

/** `!GetAtt A.B` is the only intrinsic whose scalar means a list. */
function longForm(key: string, text: string): TemplateValue {
  if (key !== 'Fn::GetAtt') return text;
  const dot = text.indexOf('.');
  return dot < 0 ? text : [text.slice(0, dot), text.slice(dot + 1)];
}

/** What a tagged collection holds, nodes below it already resolved or not. */
function plain(node: unknown): TemplateValue {
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map((pair) => [asText(plain(pair.key), 'A key'), plain(pair.value)]),
    );
  }
  if (isSeq(node)) return node.items.map(plain);
  if (isScalar(node)) return plain(node.value);
  return node as TemplateValue;
}
