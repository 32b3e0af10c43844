// The tokens of authorization servers of other people: fetched without the user, renewed, taken back, of two accounts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { quit } from './chromium.mjs';
import { granted, isActive, issuers, newest, revoke } from './issuers.mjs';
import { agent, assertNoLeaks, assertRefused, home, logInAs, run, status, whoami } from './logins.mjs';
import { startProtected } from './protected.mjs';

after(quit);

for (const name of issuers) {
  for (const format of ['opaque', 'jwt']) {
    test(`${name}: a machine logs in by itself, with tokens that are ${format}`, async (t) => {
      const server = await startProtected(t, name, { format });
      const { machine } = server.issuer;
      const login = { grantType: 'client_credentials', clientId: machine.id, clientSecret: '${MACHINE_SECRET}' };
      const place = home(t, { notes: server }, { notes: login });
      fs.writeFileSync(path.join(place.folder, 'home', '.env'), `MACHINE_SECRET=${machine.secret}\n`, { mode: 0o600 });
      assert.equal((await status(place, 'notes')).state, 'by_itself');
      const first = await whoami(place, 'notes');
      assert.equal(first.client, machine.id);
      assert.deepEqual(await whoami(place, 'notes'), first);
      assert.equal(granted(server.issuer, 'client_credentials'), 1);
      assert.equal((await status(place, 'notes')).state, 'logged_in');
    });
  }

  test(`${name}: tokens that soon expire are renewed, each by another`, async (t) => {
    const server = await startProtected(t, name, { lifetime: 4, format: 'jwt' });
    const place = home(t, { notes: server });
    await logInAs(t, place, 'notes', 'ada');
    const running = await agent(t, place);
    const seen = new Set();
    const deadline = performance.now() + 30_000;
    while (seen.size < 3) {
      assert.ok(performance.now() < deadline, `${seen.size} tokens`);
      // Many calls at once share one renewal, or each but the first would lose the login.
      const told = await Promise.all([1, 2, 3].map(() => running.whoami('notes')));
      for (const { subject, token } of told) {
        assert.equal(subject, 'ada');
        seen.add(token);
      }
    }
    const renewals = granted(server.issuer, 'refresh_token');
    const renewing = new Set(server.issuer.issued.filter(({ kind }) => kind === 'refresh_token').map(({ secret }) => secret));
    assert.ok(renewals >= 2);
    assert.equal(renewing.size, renewals + 1, 'each renewal brings another token to renew by');
  });

  test(`${name}: a token that was taken back is renewed once, and a login that was taken back asks for another`, async (t) => {
    const server = await startProtected(t, name);
    const { issuer } = server;
    const place = home(t, { notes: server });
    await logInAs(t, place, 'notes', 'ada');
    const running = await agent(t, place);
    const { token, client } = await running.whoami('notes');
    await issuer.forget(newest(issuer, 'access_token'));
    const told = await Promise.all([1, 2, 3].map(() => running.whoami('notes')));
    assert.deepEqual(new Set(told.map(({ subject }) => subject)), new Set(['ada']));
    assert.equal(new Set([token, ...told.map((one) => one.token)]).size, 2);
    assert.equal(granted(issuer, 'refresh_token'), 1);
    await revoke(issuer, newest(issuer, 'refresh_token'), client);
    await issuer.forget(newest(issuer, 'access_token'));
    assertRefused(await running.refusal('notes'), 'notes');
    assert.equal((await status(place, 'notes')).state, 'login_needed');
    assert.equal(granted(issuer, 'refresh_token'), 1);
    await logInAs(t, place, 'notes', 'grace');
    assert.equal((await running.whoami('notes')).subject, 'grace');
  });

  test(`${name}: two accounts side by side`, async (t) => {
    const server = await startProtected(t, name);
    const place = home(t, { home: server, work: server });
    await logInAs(t, place, 'home', 'ada');
    await logInAs(t, place, 'work', 'grace');
    const running = await agent(t, place);
    const [atHome, atWork] = await Promise.all([running.whoami('home'), running.whoami('work')]);
    assert.deepEqual([atHome.subject, atWork.subject], ['ada', 'grace']);
    assert.notEqual(atHome.token, atWork.token);
    assert.notEqual(atHome.client, atWork.client);
    await run(place, ['auth', 'logout', 'home']);
    assertRefused(await running.refusal('home'), 'home');
    assert.deepEqual(await running.whoami('work'), atWork);
  });
}

test('a machine signs for its tokens with a key', async (t) => {
  const server = await startProtected(t, issuers[0]);
  const { signer } = server.issuer;
  const place = home(t, { notes: server }, { notes: { clientId: signer.id, privateKey: '${MACHINE_KEY}' } });
  const key = signer.pem.replaceAll('\n', '\\n');
  fs.writeFileSync(path.join(place.folder, 'home', '.env'), `MACHINE_KEY="${key}"\n`, { mode: 0o600 });
  assert.equal((await whoami(place, 'notes')).client, signer.id);
  assert.equal(granted(server.issuer, 'client_credentials'), 1);
  // What takes the token back is signed as well.
  assert.match((await run(place, ['auth', 'logout', 'notes'])).stdout, /revoked at/);
  assert.equal(await isActive(server.issuer, newest(server.issuer, 'access_token')), false);
});

test('a server on the older transport', async (t) => {
  const server = await startProtected(t, issuers[0], { way: 'sse' });
  const place = home(t, { notes: server });
  const running = await agent(t, place);
  assertRefused(await running.refusal('notes'), 'notes');
  await logInAs(t, place, 'notes', 'ada');
  const { token } = await running.whoami('notes');
  await server.issuer.forget(newest(server.issuer, 'access_token'));
  const told = await running.whoami('notes');
  assert.equal(told.subject, 'ada');
  assert.notEqual(told.token, token);
});

test('no secret was shown anywhere', () => {
  assertNoLeaks(['access_token', 'client_assertion', 'client_secret', 'private_key', 'refresh_token']);
});
