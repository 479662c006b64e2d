import { CourierError } from '../../shared/errors/courierError.ts';

interface DataField {
  readonly name: string;
  readonly description: string;
}

/** How a mutation's answer is named: `<Name>Success` with one field, or an error. */
export function actionResult(name: string, done: string, dataField: DataField) {
  return {
    types: [CourierError],
    directResult: false as const,
    union: { name: `${name}Result`, description: `What ${name} answers.` },
    result: { name: `${name}Success`, description: done },
    dataField,
  };
}
