/**
 * An error as an AWS service answers it.
 *
 * `name` is the exception's wire name (`NotAuthorizedException`), `message` AWS's own sentence,
 * `status` the HTTP status that the service's model gives it.
 */
export class AwsError extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}
