// Authorization servers of other people, each a process of its own that tells what it gives out.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

/** How they are started. */
const programs = {
  'oidc-provider': [process.env.INTEROP_NODE, path.join(here, 'issuers', 'oidc-provider.mjs')],
  authlib: [process.env.INTEROP_PYTHON, path.join(here, '..', 'python', 'peers', 'issuer.py')],
};

export const issuers = Object.keys(programs);

/** Every secret that any of them gave out or was sent, and what kind it is. */
export const secrets = new Map();

function planted(id, kind) {
  const secret = randomBytes(24).toString('base64url');
  secrets.set(secret, kind);
  return { id, secret };
}

/** A client that signs: the lines of its private key are secrets. */
function signing(id) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).trim();
  for (const line of pem.split('\n').slice(1, -1)) secrets.set(line, 'private_key');
  return { id, pem, jwk: publicKey.export({ format: 'jwk' }) };
}

/**
 * Starts one for tokens for these resources; it ends with the test. `granted` and `issued` are lists of what it has done, and
 * `forget` has it take back an access token and nothing else.
 */
export async function startIssuer(t, name, { resources, lifetime = 600, format = 'opaque' }) {
  const [program, script] = programs[name];
  const clients = { machine: planted('machine', 'client_secret'), resource: planted('notes', 'client_secret') };
  const { pem, ...signer } = signing('signer');
  const settings = JSON.stringify({ resources, lifetime, format, signer, ...clients });
  const child = spawn(program, [script, settings], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const gone = once(child, 'exit');
  t.after(async () => {
    child.stdin.end();
    await gone;
  });
  const issuer = { ...clients, signer: { ...signer, pem }, granted: [], issued: [] };
  let forgotten;
  issuer.forget = (token) => {
    child.stdin.write(`${token}\n`);
    return Promise.race([new Promise((resolve) => (forgotten = resolve)), early]);
  };
  const listening = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { url, secret, kind, granted, to, ...said } = JSON.parse(line);
      if (url) resolve(url);
      if (said.forgotten) forgotten();
      if (granted) issuer.granted.push({ grant: granted, to });
      if (secret) {
        secrets.set(secret, kind);
        issuer.issued.push({ secret, kind });
      }
    });
  });
  const early = gone.then(([code]) => assert.fail(`${name} ended with ${code}: ${stderr}`));
  issuer.url = await Promise.race([listening, early]);
  early.catch(() => {});
  // Before the path, if there is one (RFC 8414, Section 3.1).
  const { origin, pathname } = new URL(issuer.url);
  const place = `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
  issuer.metadata = await (await fetch(place)).json();
  assert.equal(issuer.metadata.issuer, issuer.url);
  return issuer;
}

/** How often it has given a token in this way. */
export function granted(issuer, grant) {
  return issuer.granted.filter((one) => one.grant === grant).length;
}

/** The newest secret of a kind. */
export function newest(issuer, kind) {
  return issuer.issued.findLast((one) => one.kind === kind)?.secret;
}

/** Has it take back a login by its token to renew by, as the client that it was given to (RFC 7009). */
export async function revoke(issuer, token, clientId) {
  const secret = newest(issuer, 'client_secret');
  const body = new URLSearchParams({ token, client_id: clientId, ...(secret && { client_secret: secret }) });
  const { status } = await fetch(issuer.metadata.revocation_endpoint, { method: 'POST', body });
  assert.equal(status, 200);
}

/** What it tells a resource server of an access token (RFC 7662). */
export async function introspect({ metadata, resource }, token) {
  const basic = Buffer.from(`${resource.id}:${resource.secret}`).toString('base64');
  const headers = { Authorization: `Basic ${basic}` };
  const body = new URLSearchParams({ token });
  const response = await fetch(metadata.introspection_endpoint, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`introspection: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Whether an access token is still good there. */
export async function isActive(issuer, token) {
  return (await introspect(issuer, token)).active;
}
