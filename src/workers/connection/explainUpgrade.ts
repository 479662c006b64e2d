import { request as httpsRequest } from 'node:https';
import { http } from 'aws-iot-device-sdk-v2';
import type { Denial } from '../../shared/domain/denial.ts';
import { isObject } from '../../shared/domain/desired.ts';
import { awsCall } from '../credentials/awsCall.ts';
import type { TemporaryCredentials } from '../credentials/cachedCredentials.ts';
import { signUpgrade } from './handshake.ts';

export interface UpgradeTarget {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly caPem: string | undefined;
}

/** SigV4 allows five minutes; this close to it the clock is the likely culprit. */
const CLOCK_TOLERANCE_MS = 270_000;
const TIMEOUT_MS = 5000;

/**
 * Finds out why the upgrade was refused. aws-crt drops the HTTP status and body, so the same
 * signed GET is sent once more over plain HTTPS and its answer read. Undefined where it was not
 * refused this time, or not answered at all: then it was the network.
 */
export async function explainUpgrade(
  target: UpgradeTarget,
  credentials: TemporaryCredentials,
  signal: AbortSignal,
): Promise<Denial | undefined> {
  if (credentials.expiresAt <= Date.now()) {
    return {
      stage: 'UPGRADE',
      gate: 'CREDENTIALS_EXPIRED',
      message: 'The temporary credentials had expired when the connection was made.',
      remedy: 'Nothing: new ones are fetched. If it comes again, check the clock of the workers.',
    };
  }
  const answer = await awsCall(
    signal,
    (limit) => signedGet(target, credentials, limit),
    TIMEOUT_MS,
  ).catch(() => undefined);
  if (answer === undefined) return undefined;
  const skewMs = answer.date === undefined ? 0 : Math.abs(Date.now() - answer.date);
  if (skewMs > CLOCK_TOLERANCE_MS) {
    return {
      stage: 'UPGRADE',
      gate: 'CLOCK',
      message: `AWS IoT refused the signature, and the worker's clock differs from its by ${Math.round(skewMs / 1000)} s.`,
      remedy: 'Set the clock of the worker (NTP).',
    };
  }
  if (answer.status !== 403) return undefined;
  return {
    stage: 'UPGRADE',
    gate: 'SIGNATURE',
    message: `AWS IoT refused the signed upgrade with HTTP 403: ${answer.message}`,
    remedy:
      'Check that AWS_REGION and IOT_ENDPOINT belong to the account of the identity pool, and that no proxy changes the Host header.',
  };
}

interface Answer {
  readonly status: number;
  readonly date: number | undefined;
  readonly message: string;
}

async function signedGet(
  target: UpgradeTarget,
  credentials: TemporaryCredentials,
  signal: AbortSignal,
): Promise<Answer> {
  const headers = new http.HttpHeaders([['host', target.host]]);
  const signed = new http.HttpRequest('GET', '/mqtt', headers);
  await signUpgrade(signed, target.region, credentials);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: target.host,
        port: target.port,
        path: signed.path,
        headers: { host: target.host },
        signal,
        ...(target.caPem === undefined ? {} : { ca: target.caPem }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        // An answer that breaks off has no end.
        response.on('error', reject);
        response.on('data', (chunk: string) => {
          if (body.length < 4096) body += chunk;
        });
        response.on('end', () => {
          const date = Date.parse(response.headers.date ?? '');
          resolve({
            status: response.statusCode ?? 0,
            date: Number.isNaN(date) ? undefined : date,
            message: messageIn(body),
          });
        });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

function messageIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (isObject(parsed) && typeof parsed.message === 'string') return parsed.message;
  } catch {
    // Not JSON: a proxy or load balancer answered.
  }
  return 'the answer held no message';
}
