import type { builder } from './builder.ts';

/** What makes the fields of an object of this shape, for functions that make some of them. */
export type FieldsOf<Shape> = Parameters<
  NonNullable<Parameters<ReturnType<typeof builder.objectRef<Shape>>['implement']>[0]['fields']>
>[0];

/** What makes the arguments of a field. */
export type Arguments = Parameters<Parameters<typeof builder.queryField>[1]>[0]['arg'];
