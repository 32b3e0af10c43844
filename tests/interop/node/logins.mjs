// Bridges with logins: their homes, the commands of `bridge auth`, and all that they ever showed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { agree } from './chromium.mjs';
import { secrets } from './issuers.mjs';
import { connect, environment, scratch, text } from './support.mjs';

const bridge = process.env.BRIDGE_BIN;

/** What bridges printed, answered and wrote, and where; and the files of tokens, where secrets belong. */
const shown = [];
const kept = [];

/** A home whose config has these servers, each with a login as `logins` says for it. */
export function home(t, servers, logins = {}) {
  const folder = scratch(t);
  const entry = ([name, { url }]) => {
    const transport = url.endsWith('/sse') ? 'sse' : 'streamable-http';
    return [name, { transport, url, auth: { type: 'oauth2', ...logins[name] } }];
  };
  const config = { servers: Object.fromEntries(Object.entries(servers).map(entry)) };
  fs.writeFileSync(path.join(folder, 'home', 'config.json'), JSON.stringify(config));
  t.after(() => keepFiles(path.join(folder, 'home')));
  const env = { ...environment(folder, 'bridge.jsonl'), INTEROP_CHROMIUM: process.env.INTEROP_CHROMIUM };
  const children = new Set();
  t.after(() => children.forEach((child) => child.kill()));
  return { folder, env, children };
}

/** Keeps every file of a home; nobody else can read those of tokens. The user wrote `.env`. */
function keepFiles(folder) {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (path.dirname(file) === path.join(folder, 'tokens')) {
      assert.equal(fs.statSync(file).mode & 0o777, 0o600, file);
      kept.push(fs.readFileSync(file, 'utf8'));
    } else if (entry.name !== '.env') {
      shown.push({ where: file, text: fs.readFileSync(file, 'utf8') });
    }
  }
}

/** Starts a command; `saying` resolves to what it says on stderr that a pattern finds, `done` to how it ended. */
export function start({ folder, env, children }, args, more = {}) {
  const child = spawn(bridge, [...args, '--debug'], { env: { ...env, ...more }, cwd: folder });
  children.add(child);
  const output = { stdout: '', stderr: '' };
  const saying = (pattern) =>
    new Promise((resolve, reject) => {
      const look = () => pattern.test(output.stderr) && resolve(output.stderr.match(pattern)[1]);
      child.stderr.on('data', look);
      child.once('close', () => reject(new Error(`it never says ${pattern}: ${output.stderr}`)));
      look();
    });
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (chunk) => (output[name] += chunk));
  }
  const done = once(child, 'close').then(([code]) => {
    for (const name of ['stdout', 'stderr']) shown.push({ where: `${name} of ${args.join(' ')}`, text: output[name] });
    return { code, ...output };
  });
  return { child, saying, done };
}

/** Runs a command to its end, which is to be this one. */
export async function run(place, args, expected = 0) {
  const command = start(place, args);
  command.child.stdin.end();
  const ended = await command.done;
  assert.equal(ended.code, expected, ended.stdout + ended.stderr);
  return ended;
}

/** Logs in by the URL that is printed, which `browse` is given; what it answers with. */
export async function logIn(place, server, browse) {
  const login = start(place, ['auth', 'login', server, '--no-browser']);
  const page = await browse(await login.saying(/^(http\S+)\n/m), login);
  const { code, stdout, stderr } = await login.done;
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^logged in to \`${server}\``));
  return page;
}

/** The same with Chromium, as this user. */
export function logInAs(t, place, server, user) {
  return logIn(place, server, (url) => agree(t, url, user));
}

/** Asserts that an agent is told how to log in. */
export function assertRefused({ error, hint }, server) {
  assert.equal(error, 'connection_failed');
  assert.match(hint, new RegExp(`bridge auth login ${server}`));
}

/** What `bridge auth status` tells of a server. */
export async function status(place, server) {
  const { stdout } = await run(place, ['auth', 'status', server, '--json']);
  const { servers } = JSON.parse(stdout);
  assert.equal(servers.length, 1);
  return servers[0];
}

/** Whom a server takes a command for. */
export async function whoami(place, server) {
  return JSON.parse((await run(place, ['call', server, 'whoami'])).stdout);
}

/** A client of a bridge that runs, whose log is a file. */
export async function agent(t, { folder, env }) {
  const args = ['--debug', '--log-file', path.join(folder, 'home', 'bridge.log')];
  const connection = await connect(t, { command: bridge, args, env });
  t.after(() => {
    shown.push({ where: 'stderr of a bridge', text: connection.stderr() });
    shown.push({ where: 'answers of a bridge', text: JSON.stringify(connection.wire) });
  });
  const call = (server) =>
    connection.client.callTool({ name: 'mcp', arguments: { server, tool: 'whoami', params: {} } });
  return {
    call,
    whoami: async (server) => {
      const result = await call(server);
      assert.ok(!result.isError, text(result));
      return JSON.parse(text(result));
    },
    refusal: async (server) => {
      const result = await call(server);
      assert.equal(result.isError, true, text(result));
      return JSON.parse(text(result));
    },
  };
}

/**
 * Asserts that no secret stands in anything that was shown, that there were secrets of these kinds, and that those which are
 * kept were found where they belong.
 */
export function assertNoLeaks(kinds) {
  const known = [...secrets];
  for (const kind of kinds) assert.ok(known.some(([, one]) => one === kind), kind);
  for (const kind of ['access_token', 'refresh_token']) {
    assert.ok(known.some(([secret, one]) => one === kind && kept.some((text) => text.includes(secret))), kind);
  }
  assert.ok(shown.filter(({ text }) => text.length > 0).length > 20, `${shown.length} texts`);
  const found = known.flatMap(([secret, kind]) =>
    shown.filter(({ text }) => text.includes(secret)).map(({ where }) => `${kind} in ${where}`),
  );
  assert.deepEqual(found, []);
}
