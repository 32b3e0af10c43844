// `bridge auth login` at authorization servers of other people, with a real browser.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { agreeElsewhere, enterCode, quit, refuse } from './chromium.mjs';
import { granted, isActive, issuers, newest } from './issuers.mjs';
import { agent, assertNoLeaks, assertRefused, home, logIn, logInAs, run, start, status, whoami } from './logins.mjs';
import { scope, startProtected } from './protected.mjs';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

after(quit);

for (const name of issuers) {
  test(`${name}: a login in the browser, from nothing to logged out`, async (t) => {
    const server = await startProtected(t, name);
    const { issuer } = server;
    const place = home(t, { notes: server });
    assert.deepEqual(await status(place, 'notes'), { name: 'notes', grantType: 'authorization_code', state: 'login_needed' });
    const refused = await run(place, ['call', 'notes', 'whoami'], 5);
    assert.match(refused.stderr, /bridge auth login notes/);
    assert.match(await logInAs(t, place, 'notes', 'ada'), /back at the bridge/);
    const { clientId, expiresAt, ...told } = await status(place, 'notes');
    assert.deepEqual(told, {
      name: 'notes',
      grantType: 'authorization_code',
      state: 'logged_in',
      keptIn: 'file',
      issuer: issuer.url,
      scopes: [scope],
      refreshable: true,
    });
    assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 600_000) < 60_000, expiresAt);
    const { subject, client } = await whoami(place, 'notes');
    assert.deepEqual({ subject, client }, { subject: 'ada', client: clientId });
    const running = await agent(t, place);
    assert.equal((await running.whoami('notes')).subject, 'ada');
    assert.deepEqual(issuer.granted, [{ grant: 'authorization_code', to: 'ada' }]);
    assert.equal(await isActive(issuer, newest(issuer, 'access_token')), true);
    assert.match((await run(place, ['auth', 'logout', 'notes'])).stdout, /its tokens were revoked at/);
    assert.equal(await isActive(issuer, newest(issuer, 'access_token')), false);
    assert.equal((await status(place, 'notes')).state, 'login_needed');
    assertRefused(await running.refusal('notes'), 'notes');
    assert.equal(server.refused, 0);
  });

  test(`${name}: a code that is typed in the browser`, async (t) => {
    const server = await startProtected(t, name);
    const place = home(t, { notes: server });
    const login = start(place, ['auth', 'login', 'notes', '--device']);
    const [, url, code] = /^open (\S+) on any device and type (\S+)$/m.exec(await login.saying(/^(open .* and type .*)$/m));
    await enterCode(t, url, code, 'grace');
    assert.equal((await login.done).code, 0);
    assert.equal((await whoami(place, 'notes')).subject, 'grace');
    assert.equal((await status(place, 'notes')).refreshable, true);
    assert.equal(granted(server.issuer, 'urn:ietf:params:oauth:grant-type:device_code'), 1);
  });
}

test('the bridge opens the browser itself', async (t) => {
  const server = await startProtected(t, issuers[0]);
  const place = home(t, { notes: server });
  const browser = path.join(place.folder, 'browser');
  const said = path.join(place.folder, 'home', 'browser.log');
  const program = `exec '${process.env.INTEROP_NODE}' '${path.join(here, 'drive.mjs')}' "$@" >'${said}' 2>&1`;
  fs.writeFileSync(browser, `#!/bin/sh\n${program}\n`, { mode: 0o700 });
  const login = start(place, ['auth', 'login', 'notes'], { BROWSER: browser, INTEROP_USER: 'ada' });
  const { code, stderr } = await login.done;
  assert.equal(code, 0, stderr + fs.readFileSync(said, 'utf8'));
  assert.equal((await whoami(place, 'notes')).subject, 'ada');
});

test('the address at which a browser ends elsewhere is pasted', async (t) => {
  const server = await startProtected(t, issuers[0]);
  const place = home(t, { notes: server });
  await logIn(place, 'notes', async (url, login) => {
    login.child.stdin.write(`${await agreeElsewhere(t, url, 'ada')}\n`);
  });
  assert.equal((await whoami(place, 'notes')).subject, 'ada');
});

test('somebody who says no is not logged in', async (t) => {
  const server = await startProtected(t, issuers[0]);
  const place = home(t, { notes: server });
  const login = start(place, ['auth', 'login', 'notes', '--no-browser']);
  await refuse(t, await login.saying(/^(http\S+)\n/m), 'ada');
  const { code, stderr } = await login.done;
  assert.equal(code, 1);
  assert.match(stderr, /access_denied/);
  assert.equal((await status(place, 'notes')).state, 'login_needed');
});

test('no secret was shown anywhere', () => {
  assertNoLeaks(['access_token', 'code', 'code_verifier', 'device_code', 'refresh_token']);
});
