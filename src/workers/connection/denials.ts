import type { Denial } from '../../shared/domain/denial.ts';

/** Names of the resources that a denial is about, for remedies that can be pasted into a policy. */
export interface AwsNames {
  readonly region: string;
  readonly policyName: string;
}

const arn = (names: AwsNames, resource: string) => `arn:aws:iot:${names.region}:*:${resource}`;

/** The policy variable that AWS replaces with the Cognito identity id. */
const SUB = `\${cognito-identity.amazonaws.com:sub}`;

const BOTH =
  'both in the IoT policy attached to the identity and in the IAM role that the identity pool gives it';

export function subscribeDenied(names: AwsNames, filter: string, reason?: string): Denial {
  return {
    stage: 'SUBSCRIBE',
    gate: 'TOPIC_FILTER_POLICY',
    message: `AWS IoT refused the subscription to ${filter} (SUBACK 0x87${quoted(reason)}). The attached policy let the identity connect, so it is in force: it does not cover this topic filter.`,
    remedy: `Allow iot:Subscribe on ${arn(names, `topicfilter/${filter}`)}, and iot:Receive and iot:Publish on the same topics, ${BOTH}. If the thing is not this identity's, send the update as its owner.`,
  };
}

export function publishDenied(names: AwsNames, topic: string, reason?: string): Denial {
  return {
    stage: 'PUBLISH',
    gate: 'TOPIC_POLICY',
    message: `AWS IoT refused the publish to ${topic} (PUBACK 0x87${quoted(reason)}). The attached policy let the identity connect, so it is in force: it does not cover this topic.`,
    remedy: `Allow iot:Publish on ${arn(names, `topic/${topic}`)}, ${BOTH}. If the thing is not this identity's, send the update as its owner.`,
  };
}

export function shadowDenied(topic: string, code: number, message: string): Denial {
  return {
    stage: 'SHADOW_SERVICE',
    gate: 'SHADOW_SERVICE',
    message: `The shadow service refused the request to ${topic} with ${code}: ${message}`,
    remedy: 'Check that the thing belongs to this AWS account and region.',
  };
}

/** What is known of the policy when a CONNECT was denied. */
export interface PolicyKnowledge {
  /** Undefined where the worker's role may not look. */
  readonly attached: boolean | undefined;
  readonly propagating: boolean;
}

export function connectDenied(
  names: AwsNames,
  cognitoId: string,
  reason: string,
  policy: PolicyKnowledge,
): Denial {
  const refused = `AWS IoT refused the CONNECT of ${cognitoId} (CONNACK 0x87: ${reason}).`;
  if (policy.attached === false) {
    return {
      stage: 'CONNECT',
      gate: 'IOT_POLICY_NOT_ATTACHED',
      message: `${refused} The IoT policy ${names.policyName} is not attached to it; it was before, so somebody detached it.`,
      remedy: `Attach it again if that was not meant: aws iot attach-policy --policy-name ${names.policyName} --target ${cognitoId}. The identity is probed and released by itself.`,
    };
  }
  if (policy.propagating) {
    return {
      stage: 'CONNECT',
      gate: 'IOT_POLICY_PROPAGATING',
      message: `${refused} The IoT policy ${names.policyName} was attached a short while ago; AWS takes 6 to 8 minutes until it is in force everywhere.`,
      remedy: 'Wait: the identity is probed and released by itself.',
    };
  }
  return {
    stage: 'CONNECT',
    gate: 'CONNECT_POLICY',
    message: `${refused} ${policy.attached === true ? `The IoT policy ${names.policyName} is attached` : 'Whether the IoT policy is attached could not be found out'}.`,
    remedy: `Allow iot:Connect on ${arn(names, `client/${SUB}`)}, ${BOTH}.`,
  };
}

function quoted(reason: string | undefined): string {
  return reason === undefined || reason === '' ? '' : `: ${reason}`;
}
