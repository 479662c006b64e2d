import { z } from 'zod';

/** Everything that signing in yields; kept encrypted in Redis between owners. Times: epoch ms. */
const cachedCredentials = z.object({
  idToken: z.string(),
  idTokenExpiresAt: z.number(),
  refreshToken: z.string().optional(),
  /** `cognito:username` of the ID token: what SECRET_HASH needs on a refresh. */
  poolUsername: z.string(),
  cognitoId: z.string().optional(),
  temporary: z
    .object({
      accessKeyId: z.string(),
      secretKey: z.string(),
      sessionToken: z.string(),
      expiresAt: z.number(),
    })
    .optional(),
});
export type CachedCredentials = z.infer<typeof cachedCredentials>;
export type TemporaryCredentials = NonNullable<CachedCredentials['temporary']>;

/** Undefined for what an older release or another format left behind: signing in again mends it. */
export function parseCachedCredentials(json: string): CachedCredentials | undefined {
  const parsed = cachedCredentials.safeParse(JSON.parse(json));
  return parsed.success ? parsed.data : undefined;
}
