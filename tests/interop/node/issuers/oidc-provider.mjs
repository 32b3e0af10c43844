// An authorization server made with `oidc-provider`, which has forms of its own for logins and consent. Its argument is JSON:
// `resources` that tokens may be for, `lifetime` of access tokens in seconds, `format` of them, the `machine` and the
// `resource` server as clients with secrets, the `signer` as one with a key. It says on stdout, as lines of JSON, its `url`,
// every `secret` that it gives out or is sent, and every way in which it has `granted` tokens. Each line of stdin is an access
// token that it is to forget, and it says when it has `forgotten` it. It ends with stdin.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.env.INTEROP_MODULES, '..', 'package.json'));
// What it says of itself is no message.
console.info = console.warn = console.error;
const { Provider, errors } = await import(pathToFileURL(require.resolve('oidc-provider')));

// A token to renew by is for those only who ask for `offline_access`, as it is set.
const { resources, lifetime, format, machine, resource, signer } = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const secretNames = [
  'access_token',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'device_code',
  'id_token',
  'refresh_token',
  'registration_access_token',
];

function saySecrets(values) {
  for (const name of secretNames) {
    if (typeof values?.[name] === 'string') say({ secret: values[name], kind: name });
  }
}

const listener = http.createServer().listen(0, '127.0.0.1');
await once(listener, 'listening');
const url = `http://127.0.0.1:${listener.address().port}`;

const unattended = { redirect_uris: [], response_types: [] };
const provider = new Provider(url, {
  clients: [
    { client_id: machine.id, client_secret: machine.secret, grant_types: ['client_credentials'], ...unattended },
    {
      client_id: signer.id,
      jwks: { keys: [signer.jwk] },
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'],
      ...unattended,
    },
    { client_id: resource.id, client_secret: resource.secret, grant_types: [], ...unattended },
  ],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === resource.id },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, indicator) => {
        if (!resources.includes(indicator)) throw new errors.InvalidTarget();
        return { scope: 'notes', audience: indicator, accessTokenTTL: lifetime, accessTokenFormat: format };
      },
    },
  },
});
provider.use(async (context, next) => {
  await next();
  saySecrets(context.oidc?.params);
  saySecrets(context.body);
  const location = context.response.get('location');
  if (location) saySecrets(Object.fromEntries(new URL(location, url).searchParams));
  if (context.body?.access_token) {
    say({ granted: context.oidc.params.grant_type, to: context.oidc.entities.Account?.accountId });
  }
});
provider.on('server_error', (_, error) => console.error(error));
listener.on('request', provider.callback());
say({ url });
for await (const token of createInterface({ input: process.stdin })) {
  // By the endpoint for this, the token to renew by would go as well.
  await (await provider.AccessToken.find(token))?.destroy();
  say({ forgotten: token });
}
process.exit();
