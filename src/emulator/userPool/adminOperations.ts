import { admitCaller, type CallerGate } from '../access/caller.ts';
import { type Input, InputReader, isRecord } from '../http/input.ts';
import type { JsonOperation } from '../http/jsonProtocol.ts';
import type { QuotaName, Quotas } from '../world/quotas.ts';
import { userPoolError } from './errors.ts';
import type { AppClient, PasswordPolicy, User } from './model.ts';
import { checkPassword } from './passwordPolicy.ts';
import { setPassword } from './signIn.ts';
import type { UserDirectory } from './users.ts';

const USERNAME = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u;
const read = new InputReader(userPoolError.invalidParameter);

export interface AdminParts {
  readonly userPoolId: string;
  readonly userPoolArn: string;
  readonly clients: ReadonlyMap<string, AppClient>;
  readonly users: UserDirectory;
  readonly passwordPolicy: PasswordPolicy;
  /** A password that the policy accepts, where the administrator gives none. */
  readonly newPassword: (username: string) => string;
  readonly gate: CallerGate;
  readonly quotas: Quotas;
  readonly now: () => number;
}

/** The operations that an administrator calls, signed. */
export function adminOperations(parts: AdminParts): readonly [string, JsonOperation][] {
  const { users, now } = parts;

  /** Admits the caller, checks the pool, counts the request; in the order of AWS's front end. */
  const operation = (
    name: string,
    quota: QuotaName,
    run: (input: Input) => object,
  ): [string, JsonOperation] => [
    name,
    (input, exchange) => {
      admitCaller(parts.gate, exchange, `cognito-idp:${name}`, parts.userPoolArn);
      const userPoolId = read.matching(input, 'UserPoolId', /^[\w-]+_[0-9a-zA-Z]+$/, 55);
      if (!parts.quotas.tryTake(quota)) throw userPoolError.tooManyRequests();
      if (userPoolId !== parts.userPoolId) throw userPoolError.poolNotFound(userPoolId);
      return run(input);
    },
  ];

  const readUser = (input: Input): User => {
    const user = users.find(read.matching(input, 'Username', USERNAME, 128));
    if (user === undefined) throw userPoolError.userNotFound();
    return user;
  };

  const change = (name: string, apply: (user: User, input: Input) => void) =>
    operation(name, 'UserUpdate', (input) => {
      const user = readUser(input);
      apply(user, input);
      user.modifiedAtMs = now();
      return {};
    });

  return [
    operation('AdminCreateUser', 'UserCreation', (input) => {
      const username = read.matching(input, 'Username', USERNAME, 128);
      const password =
        read.optionalString(input, 'TemporaryPassword') ?? parts.newPassword(username);
      const attributes = readAttributes(input);
      checkPassword(password, parts.passwordPolicy);
      if (users.find(username) !== undefined) throw userPoolError.userExists();
      const status = 'FORCE_CHANGE_PASSWORD';
      const user = users.add({ username, password, status, attributes }, now());
      const { UserAttributes, ...shown } = describeUser(user);
      return { User: { ...shown, Attributes: UserAttributes } };
    }),
    operation('AdminGetUser', 'UserRead', (input) => describeUser(readUser(input))),
    change('AdminSetUserPassword', (user, input) => {
      const password = read.string(input, 'Password');
      checkPassword(password, parts.passwordPolicy);
      setPassword(user, password, read.optionalBoolean(input, 'Permanent') ?? false, now());
    }),
    change('AdminResetUserPassword', (user) => {
      user.status = 'RESET_REQUIRED';
    }),
    change('AdminDisableUser', (user) => {
      user.enabled = false;
    }),
    change('AdminEnableUser', (user) => {
      user.enabled = true;
    }),
    change('AdminUserGlobalSignOut', (user) => {
      signOutEverywhere(user);
    }),
    change('AdminDeleteUser', (user) => {
      users.remove(user);
    }),
    operation('DescribeUserPoolClient', 'UserPoolClientRead', (input) => {
      const clientId = read.matching(input, 'ClientId', /^[\w+]+$/, 128);
      const client = parts.clients.get(clientId);
      if (client === undefined) throw userPoolError.clientNotFound(clientId);
      return { UserPoolClient: describeClient(parts.userPoolId, client) };
    }),
  ];
}

/** Revokes every refresh and access token of the user; ID tokens stay good till they expire. */
export function signOutEverywhere(user: User): void {
  user.signOuts += 1;
}

function describeUser(user: User) {
  return {
    Username: user.username,
    UserAttributes: [
      { Name: 'sub', Value: user.sub },
      ...Object.entries(user.attributes).map(([Name, Value]) => ({ Name, Value })),
    ],
    UserCreateDate: user.createdAtMs / 1000,
    UserLastModifiedDate: user.modifiedAtMs / 1000,
    Enabled: user.enabled,
    UserStatus: user.status,
  };
}

function describeClient(userPoolId: string, client: AppClient) {
  return {
    UserPoolId: userPoolId,
    ClientName: client.clientName,
    ClientId: client.clientId,
    ...(client.clientSecret === undefined ? {} : { ClientSecret: client.clientSecret }),
    ExplicitAuthFlows: [...client.authFlows].map((flow) => `ALLOW_${flow}`),
  };
}

function readAttributes(input: Input): Readonly<Record<string, string>> {
  const value = input['UserAttributes'];
  if (value === undefined || value === null) return {};
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return Object.fromEntries(
    list.map((entry) => {
      if (!isRecord(entry))
        throw userPoolError.invalidParameter('UserAttributes must hold objects');
      return [read.string(entry, 'Name'), read.optionalString(entry, 'Value') ?? ''];
    }),
  );
}
