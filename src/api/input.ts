import { CourierError } from '../shared/errors/courierError.ts';
import type { IdentitySecret } from '../shared/store/identitySecret.ts';

/** Cognito API reference, `UsernameType`: 1 to 128 of letters, marks, symbols, digits, punctuation. */
const USERNAME = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u;
/** Cognito API reference, `PasswordType`: up to 256 characters, no space at either end. */
const PASSWORD = /^\S(.*\S)?$/su;
/** Cognito API reference, `TokenModelType`. */
const REFRESH_TOKEN = /^[A-Za-z0-9\-_=.]{1,8192}$/;
const MAX_PASSWORD_LENGTH = 256;
const MAX_LABEL_LENGTH = 128;
const MAX_REASON_LENGTH = 500;
const MAX_KEY_LENGTH = 255;
const CONTROL = /\p{Cc}/u;

export function usernameProblem(username: string): CourierError | undefined {
  if (USERNAME.test(username)) return undefined;
  return new CourierError(
    'USERNAME_INVALID',
    'A username has 1 to 128 letters, digits, symbols and punctuation marks, and no spaces.',
    'Use the username as the user pool has it.',
  );
}

function passwordProblem(password: string): CourierError | undefined {
  const sound = PASSWORD.test(password) && password.isWellFormed();
  if (sound && password.length <= MAX_PASSWORD_LENGTH) return undefined;
  return new CourierError(
    'PASSWORD_INVALID',
    `A Cognito password has 1 to ${MAX_PASSWORD_LENGTH} characters and no space at its ends.`,
    'Use the password that the user signs in to the user pool with.',
  );
}

/**
 * The secret of an identity, of which there must be exactly one.
 * @throws SECRET_INVALID, PASSWORD_INVALID
 */
export function secretOf(input: {
  readonly password?: string | null | undefined;
  readonly refreshToken?: string | null | undefined;
}): IdentitySecret {
  const { password, refreshToken } = input;
  if (typeof password === 'string' && typeof refreshToken !== 'string') {
    const problem = passwordProblem(password);
    if (problem !== undefined) throw problem;
    return { password };
  }
  if (typeof refreshToken === 'string' && typeof password !== 'string') {
    if (!REFRESH_TOKEN.test(refreshToken)) throw secretInvalid(NO_REFRESH_TOKEN);
    return { refreshToken };
  }
  throw secretInvalid('An identity has either a password or a refresh token.');
}

const NO_REFRESH_TOKEN = 'This is no refresh token of Cognito.';

function secretInvalid(message: string): CourierError {
  return new CourierError(
    'SECRET_INVALID',
    message,
    'Give the password, or a refresh token that the user pool issued to COGNITO_CLIENT_ID; not both.',
  );
}

export function labelProblem(label: string | undefined): CourierError | undefined {
  if (label === undefined) return undefined;
  const sound = label.isWellFormed() && label.trim() !== '' && !CONTROL.test(label);
  if (sound && label.length <= MAX_LABEL_LENGTH) return undefined;
  return new CourierError(
    'LABEL_INVALID',
    `A label has 1 to ${MAX_LABEL_LENGTH} characters, not only spaces and no control characters.`,
    'Shorten it, or leave it out.',
  );
}

/** For what is destructive or concerns many. @throws REASON_INVALID */
export function requireReason(reason: string): void {
  if (!isReason(reason)) throw reasonInvalid(`Say why, in 1 to ${MAX_REASON_LENGTH} characters.`);
}

/** For everything else that an operator does: the audit has it. @throws REASON_INVALID */
export function allowReason(reason: string | null | undefined): string | undefined {
  if (typeof reason !== 'string') return undefined;
  if (!isReason(reason)) throw reasonInvalid('Shorten it, or leave it out.');
  return reason;
}

function isReason(text: string): boolean {
  const sound = text.isWellFormed() && text.trim() !== '' && !CONTROL.test(text);
  return sound && text.length <= MAX_REASON_LENGTH;
}

function reasonInvalid(remedy: string): CourierError {
  return new CourierError(
    'REASON_INVALID',
    `A reason has 1 to ${MAX_REASON_LENGTH} characters, not only spaces and no control characters.`,
    remedy,
  );
}

export function idempotencyKeyProblem(key: string | undefined): CourierError | undefined {
  if (key === undefined) return undefined;
  if (key.length > 0 && key.length <= MAX_KEY_LENGTH && key.isWellFormed()) return undefined;
  return new CourierError(
    'IDEMPOTENCY_KEY_INVALID',
    `An idempotency key has 1 to ${MAX_KEY_LENGTH} characters.`,
    'Use a random one for each request, for example a UUID, or leave it out.',
  );
}
