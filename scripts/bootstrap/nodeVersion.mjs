// Syntax that any Node with ES modules parses: this file has to run on the versions it refuses.

/** As `engines` in package.json says; a test holds the two together. */
export const NEEDED_NODE = '20.19';

/**
 * @param {string} version as `process.version`
 * @returns {string | undefined} what to do, or undefined where the version will do
 */
export function nodeProblem(version) {
  const [haveMajor = 0, haveMinor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = NEEDED_NODE.split('.').map(Number);
  if (haveMajor > needMajor || (haveMajor === needMajor && haveMinor >= needMinor)) {
    return undefined;
  }
  return (
    `Node ${NEEDED_NODE} or newer is needed, and this is ${version}. ` +
    'Install Node 20 (or a newer one) and run the same command again.'
  );
}
