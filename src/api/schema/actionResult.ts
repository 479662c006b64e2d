import { CourierError } from '../../shared/errors/courierError.ts';

interface DataField {
  readonly name: string;
  readonly description: string;
}

/** How a mutation's answer is named: `<Name>Success` with one field, or an error. */
export function actionResult(name: string, done: string, dataField: DataField) {
  const mutation = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  return {
    types: [CourierError],
    directResult: false as const,
    union: { name: `${name}Result`, description: `What ${mutation} answers.` },
    result: { name: `${name}Success`, description: done },
    dataField,
  };
}

/** The same for an answer that has a type of its own: `<Name>Success`, or an error. */
export function ownResult(mutation: string) {
  const name = mutation.charAt(0).toUpperCase() + mutation.slice(1);
  return {
    types: [CourierError],
    union: { name: `${name}Result`, description: `What ${mutation} answers.` },
  };
}
