import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The conformance table of docs/emulator.md, made from the titles of the suite: each test that
 * checks a fact of AWS begins with `aws-facts` and the section of the facts that it checks.
 */

const SUITE = fileURLToPath(new URL('..', import.meta.url));
export const DOCUMENT = fileURLToPath(new URL('../../../docs/emulator.md', import.meta.url));
export const UPDATE_COMMAND = 'UPDATE_DOCS=1 npx vitest run test/emulator/conformance';
const START = `<!-- conformance: made by ${UPDATE_COMMAND} -->`;
const END = '<!-- /conformance -->';

/** Where a section's facts were found. */
const SOURCES: Readonly<Record<string, string>> = {
  '1.1': 'AWS General Reference, AWS IoT Core quotas (2023)',
  '1.2': 'AWS General Reference, AWS IoT Core quotas (2023)',
  '1.3': 'AWS General Reference, Device Shadow quotas (2023)',
  '1.4': 'AWS General Reference, AWS IoT Core quotas (2023); API reference of AWS IoT',
  '2.1': 'IoT developer guide, Device Shadow MQTT topics',
  '2.2': 'IoT developer guide, Device Shadow service documents',
  '2.3': 'IoT developer guide, Device Shadow data flow',
  '2.4': 'IoT developer guide, Device Shadow error messages',
  '3.1': 'IoT developer guide, MQTT',
  '3.3':
    'Measured on AWS by the Floci project (eu-west-1); aws-iot-device-sdk-js#125, -python-v2#260',
  '3.4': 'aws-iot-device-sdk-java-v2#580; IoT developer guide, lifecycle events',
  '3.5': 'General Reference names the discarding; what the publisher sees is not documented',
  '3.6': 'Measured on AWS by the Floci project; aws-greengrass-nucleus PR #1003, #1034',
  '3.7': 'IoT developer guide, lifecycle events',
  '4.1': 'IoT developer guide, protocols; source of aws-c-auth and aws-crt-nodejs',
  '4.2': 'aws-iot-device-sdk-java#114, aws-mqtt-websockets#54 and #7',
  '4.3': 'aws-crt-nodejs#423, aws-iot-device-sdk-python PR #137; not documented by AWS',
  '5': 'IoT developer guide, authorization with Amazon Cognito identities, policies and CloudWatch logs; IAM user guide, policy elements; API reference of AWS IoT',
  '6.1': 'Cognito developer guide, quotas',
  '6.2': 'Service models of cognito-idp and cognito-identity',
  '6.3': 'Service model of cognito-idp; sentences as reported from AWS',
  '6.4': 'Cognito developer guide, using tokens; amazon-cognito-identity issues on SECRET_HASH',
  '6.5':
    'Service model of cognito-identity; sentences as reported from AWS; Cognito developer guide, identity pools',
  '7.1': 'Source of aws-iot-device-sdk-js-v2',
  '7.2': 'Source of aws-c-mqtt',
  '7.3': 'Source of aws-crt-nodejs',
  '7.5': 'Source of aws-iot-device-sdk-js-v2',
  '9': 'Not documented by AWS',
  '10': 'Measured with aws-iot-device-sdk-v2 1.28.0',
};

/** What the chapters of the facts are about. */
const AREAS: Readonly<Record<string, string>> = {
  '1': 'Quotas and limits',
  '2': 'Device Shadow',
  '3': 'MQTT',
  '4': 'SigV4 on /mqtt',
  '5': 'Policies, control plane, log',
  '6': 'Cognito',
  '7': 'SDK clients',
  '9': 'Left open by AWS',
  '10': 'Measured with the SDK',
};

/** Behaviours that a setting changes, by a part of their title. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['within 10 s gets CONNACK', 'connectWindowMs'],
  ['quick second CONNECT of MQTT 3.1.1', 'connectWindowMs'],
  ['a signed token is accepted', 'acceptSignedToken'],
  ['PUBACK 0x97 where the setting', 'discardedPublish'],
  ['cut after its lifetime', 'announceLifetimeEnd'],
  ['state may be so many levels deep', 'shadowDepth'],
  ['TestAuthorization asks', 'testAuthorization'],
  ['the 51st subscription', 'overSubscribed'],
  ['the first attach propagates', 'firstAttach'],
  ['told in the older sentence', 'secretHashMessage'],
];

/** What AWS has and the emulator has not. */
const NOT_EMULATED: readonly (readonly [behaviour: string, source: string])[] = [
  ['SRP, custom, choice-based and admin sign-in flows', 'Service model of cognito-idp'],
  [
    'SMS and e-mail codes, device tracking, Lambda triggers, advanced security',
    'Cognito developer guide',
  ],
  ['User pool groups, and roles by group in the identity pool', 'Cognito developer guide'],
  ['About 10 sign-ins a second for one user', 'Cognito developer guide, quotas'],
  [
    'Guests, developer identities, linked logins, the basic flow',
    'Cognito developer guide, identity pools',
  ],
  [
    'Certificates, thing groups, jobs, rules, custom authorizers, MQTT on port 8883',
    'IoT developer guide',
  ],
  [
    'Redelivery of an unacknowledged QoS 1 message on the same connection',
    'AWS General Reference, AWS IoT Core quotas (2023)',
  ],
  ['Lifecycle events that come twice or out of order', 'IoT developer guide, lifecycle events'],
  ['SendDirectMessage, and thing names in lifecycle events', 'Service model of iot-data'],
  ["AWS's own latency: answers come at once unless a fault delays them", 'Not documented by AWS'],
  [
    'Session policies, permissions boundaries, managed policies on the authenticated role',
    'IAM user guide',
  ],
];

interface Fact {
  readonly sections: readonly string[];
  readonly behaviour: string;
}

/** The document with its table as the suite has it now. */
export function withTable(document: string): string {
  const start = document.indexOf(START);
  const end = document.indexOf(END);
  if (start < 0 || end < start) throw new Error(`docs/emulator.md must hold ${START} and ${END}`);
  return `${document.slice(0, start + START.length)}\n${table()}\n${document.slice(end)}`;
}

/** One table for each chapter of the facts, and one of what is missing. */
function table(): string {
  const chapters = new Map<string, Fact[]>();
  for (const fact of collectFacts()) {
    const chapter = fact.sections[0]?.split('.')[0] ?? '';
    chapters.set(chapter, [...(chapters.get(chapter) ?? []), fact]);
  }
  const parts = [...chapters].map(([chapter, facts]) =>
    section(
      AREAS[chapter] ?? 'Other',
      facts.map(({ sections, behaviour }) => {
        const source = [...new Set(sections.map(sourceOf))].join('; ');
        const lower = behaviour.toLowerCase();
        const setting = SETTINGS.find(([part]) => lower.includes(part.toLowerCase()))?.[1];
        return [behaviour, source, setting === undefined ? 'as AWS' : `setting \`${setting}\``];
      }),
    ),
  );
  const missing = NOT_EMULATED.map((row) => [...row, 'not emulated']);
  return [...parts, section('Not emulated', missing)].join('');
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => `| ${row.join(' | ')} |\n`);
  return `\n### ${title}\n\n| Behaviour | Source | Status |\n| --- | --- | --- |\n${cells.join('')}`;
}

/** Throws for a section without a known source, so that none is left out in silence. */
function sourceOf(section: string): string {
  const source = SOURCES[section];
  if (source === undefined) throw new Error(`add the source of section ${section} to SOURCES`);
  return source;
}

function collectFacts(): readonly Fact[] {
  const facts = new Map<string, Fact>();
  for (const path of testFiles()) {
    const text = readFileSync(path, 'utf8');
    for (const match of text.matchAll(/(['"`])aws-facts ([§\d., ]+): ((?:(?!\1).)+)\1/g)) {
      const behaviour = sentence(match[3] ?? '');
      const sections = (match[2] ?? '').replaceAll('§', '').split(/, ?/);
      facts.set(`${sections.join()} ${behaviour}`, { sections, behaviour });
    }
  }
  return [...facts.values()].sort((a, b) =>
    order(a).localeCompare(order(b), 'en', { numeric: true }),
  );
}

function order(fact: Fact): string {
  return `${fact.sections[0] ?? ''} ${fact.behaviour}`;
}

/** A title as a cell: what `each` fills in is left out, the first letter is a capital. */
function sentence(title: string): string {
  const text = title
    .replace(/ \([^()]*%[sdij][^()]*\)$/, '')
    .replace(/%[sdij]/g, '…')
    .replaceAll('|', '\\|');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function testFiles(): readonly string[] {
  return readdirSync(SUITE, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(SUITE, name));
}
