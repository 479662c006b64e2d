import type { Answer, Exchange } from './exchange.ts';
import { type BeforeOperation, COGNITO_ERRORS } from './operationFaults.ts';
import { AwsError } from './awsError.ts';
import { type Input, parseInput } from './input.ts';

/** One operation of a JSON 1.1 service. What it returns is the response's body. */
export type JsonOperation = (input: Input, exchange: Exchange) => Promise<object> | object;

export interface JsonService {
  /** What stands before the dot in `X-Amz-Target`. */
  readonly targetPrefix: string;
  readonly operations: ReadonlyMap<string, JsonOperation>;
}

const CONTENT_TYPE = 'application/x-amz-json-1.1';

/** Answers `POST /` by its `X-Amz-Target`; throws what the operation throws. */
export async function answerJson(
  services: readonly JsonService[],
  exchange: Exchange,
  before: BeforeOperation,
): Promise<Answer> {
  const { name, operation } = findOperation(services, exchange);
  await before(name, exchange, COGNITO_ERRORS);
  const result = await operation(parseInput(exchange.body), exchange);
  return { status: 200, headers: { 'content-type': CONTENT_TYPE }, body: JSON.stringify(result) };
}

/** The error as JSON 1.1 has it: `__type` in the body, and the header besides. */
export function jsonError(error: AwsError): Answer {
  return {
    status: error.status,
    headers: {
      'content-type': CONTENT_TYPE,
      'x-amzn-errortype': `${error.name}:`,
      'x-amzn-errormessage': headerSafe(error.message),
    },
    body: JSON.stringify({ __type: error.name, message: error.message }),
  };
}

function findOperation(
  services: readonly JsonService[],
  exchange: Exchange,
): { readonly name: string; readonly operation: JsonOperation } {
  const target = exchange.headers['x-amz-target'];
  if (typeof target === 'string') {
    const dot = target.lastIndexOf('.');
    const service = services.find((candidate) => candidate.targetPrefix === target.slice(0, dot));
    const name = target.slice(dot + 1);
    const operation = service?.operations.get(name);
    if (operation !== undefined) return { name, operation };
  }
  throw new AwsError('UnknownOperationException', 'The requested operation is not known here.');
}

/** Header values hold printable ASCII only; messages may quote what the caller sent. */
function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 512);
}
