import { builder } from './builder.ts';

/** An enum of a closed set, whose every value has a description; a missing one does not compile. */
export function describedEnum<Value extends string>(
  name: string,
  options: {
    readonly description: string;
    readonly values: Readonly<Record<Value, string>>;
  },
) {
  const values = Object.entries<string>(options.values).map(
    ([value, description]) =>
      [value.toUpperCase(), { value: value as Value, description }] as const,
  );
  return builder.enumType(name, {
    description: options.description,
    values: Object.fromEntries(values),
  });
}
