import { CourierError } from '../../shared/errors/courierError.ts';

interface DataField {
  readonly name: string;
  readonly description: string;
}

/** The result union of a mutation that asks the fleet for something: what was asked, or why not. */
export function actionResult(name: string, asked: string, dataField: DataField) {
  return {
    types: [CourierError],
    directResult: false as const,
    union: { name: `${name}Result`, description: `What ${name} answers.` },
    result: { name: `${name}Success`, description: asked },
    dataField,
  };
}
