import { CourierError } from '../errors/courierError.ts';

/**
 * Loads a process's configuration; where it is not complete, prints every problem for a person to
 * read and exits with the error's code (78, EX_CONFIG).
 */
export function loadOrExit<T>(load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof CourierError) exitWith(error);
    throw error;
  }
}

function exitWith(error: CourierError): never {
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exit(error.exitCode);
}
