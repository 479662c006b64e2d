import type { DemoContext } from './context.ts';

/** What the emulator was provisioned with, out of the template that a real account gets. */
export async function showSetUp({ deployment, aws, screen }: DemoContext): Promise<void> {
  const { ready } = deployment.emulator;
  screen.fact('user pool', `${ready.userPoolId}, ${ready.users.length} users`);
  screen.fact('app client', `${ready.clientId}, with a secret, USER_PASSWORD_AUTH`);
  screen.fact('identity pool', ready.identityPoolId);
  const statements = await aws.policyStatements();
  screen.fact('IoT policy', `${ready.iotPolicyName}, as AWS's own SDK reads it:`);
  for (const { actions, resources } of statements) {
    screen.fact('', `${actions.join(', ')} on ${resources.map(shortened).join(', ')}`);
  }
  screen.fact('provisioned from', 'infra/template.yaml, the same that a real account gets');
}

/** The end of an ARN, which says what it is about. */
function shortened(arn: string): string {
  return arn.split(':').slice(5).join(':');
}
