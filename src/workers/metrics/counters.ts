import { Counter, type Registry } from 'prom-client';

type LabelSets<Label extends string> = Readonly<Record<Label, readonly string[]>>;

/** A counter of what is counted without labels, or with those that nobody knows beforehand. */
export function counter<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: Label[],
): Counter<Label> {
  return new Counter({ name, help, labelNames, registers: [registry] });
}

/** A counter that is there at zero for every combination of its labels. */
export function counterOf<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labels: LabelSets<Label>,
): Counter<Label> {
  const names = Object.keys(labels) as Label[];
  const made = counter(registry, name, help, names);
  const combinations = names.reduce<Partial<Record<Label, string>>[]>(
    (known, label) =>
      known.flatMap((one) => labels[label].map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
  for (const combination of combinations) made.inc(combination, 0);
  return made;
}
