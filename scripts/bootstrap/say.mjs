/**
 * A set-up that cannot go on. The message is a sentence for the user that says what to do.
 */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}

/**
 * On stderr: stdout belongs to the command that is set up.
 * @param {string} sentence
 */
export function say(sentence) {
  process.stderr.write(`shadow-courier: ${sentence}\n`);
}
