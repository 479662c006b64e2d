import { userPoolError } from './errors.ts';
import type { PasswordPolicy } from './model.ts';

/** Throws InvalidPasswordException with Cognito's sentence for the first rule that is broken. */
export function checkPassword(password: string, policy: PasswordPolicy): void {
  const rules: readonly [boolean, string][] = [
    [password.length < policy.minimumLength, 'Password not long enough'],
    [policy.lowercase && !/[a-z]/.test(password), 'Password must have lowercase characters'],
    [policy.uppercase && !/[A-Z]/.test(password), 'Password must have uppercase characters'],
    [policy.numbers && !/\d/.test(password), 'Password must have numeric characters'],
    [policy.symbols && !/[^\w\s]|[_ ]/.test(password), 'Password must have symbol characters'],
  ];
  const broken = rules.find(([isBroken]) => isBroken);
  if (broken !== undefined) throw userPoolError.invalidPassword(broken[1]);
}
