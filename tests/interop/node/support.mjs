// What the tests share: a scratch folder per test, connections to the bridge and to a server directly, and the
// messages as they came over the wire, in order.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const require = createRequire(path.join(process.env.INTEROP_MODULES, '..', 'package.json'));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');

const template = path.join(here, '..', 'servers.json');
const bridge = process.env.BRIDGE_BIN;

export const servers = Object.keys(JSON.parse(fs.readFileSync(template, 'utf8')).servers);

const folders = [];
process.on('exit', () => folders.forEach((folder) => fs.rmSync(folder, { recursive: true, force: true })));

/** A folder that is gone after the tests, when no bridge writes into it any more, with what the servers expect to find in it. */
export function scratch(t) {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-interop-')));
  for (const name of ['files', 'home', 'repo']) fs.mkdirSync(path.join(folder, name));
  const git = (...args) => execFileSync('git', ['-C', path.join(folder, 'repo'), ...args]);
  git('init', '--quiet', '--initial-branch=main');
  git('config', 'user.name', 'Interop');
  git('config', 'user.email', 'interop@example.invalid');
  git('config', 'commit.gpgsign', 'false');
  fs.writeFileSync(path.join(folder, 'repo', 'first.txt'), 'first\n');
  git('add', '.');
  git('commit', '--quiet', '--message', 'first');
  folders.push(folder);
  return folder;
}

export function environment(folder, memory) {
  const { PATH, HOME, LANG = 'C.UTF-8', INTEROP_NODE, INTEROP_PYTHON, INTEROP_MODULES } = process.env;
  return {
    PATH,
    HOME,
    LANG,
    INTEROP_NODE,
    INTEROP_PYTHON,
    INTEROP_MODULES,
    // A variable that is never taken for a secret: errors of servers name the folder, and would hold `***` instead.
    TMPDIR: folder,
    INTEROP_MEMORY: memory,
    BRIDGE_HOME: path.join(folder, 'home'),
  };
}

/** A client of a server that is started with these parameters. */
export async function connect(t, parameters) {
  const transport = new StdioClientTransport({ ...parameters, stderr: 'pipe' });
  let stderr = '';
  transport.stderr.on('data', (chunk) => (stderr += chunk));
  const client = new Client({ name: 'interop', version: '1.0.0' });
  await client.connect(transport);
  const wire = [];
  const deliver = transport.onmessage;
  transport.onmessage = (message, extra) => {
    wire.push(message);
    deliver(message, extra);
  };
  t.after(() => client.close());
  return { client, transport, wire, child: transport._process, stderr: () => stderr };
}

/** The bridge with all five servers configured, and what else its config should say. */
export function throughBridge(t, folder, settings = {}) {
  const config = path.join(folder, 'bridge.json');
  fs.writeFileSync(config, JSON.stringify({ ...JSON.parse(fs.readFileSync(template, 'utf8')), ...settings }));
  const args = ['--config', config];
  return connect(t, { command: bridge, args, env: environment(folder, 'bridge.jsonl') });
}

/** One of the servers without the bridge, started as the bridge starts it. */
export function directly(t, folder, name) {
  const env = environment(folder, 'direct.jsonl');
  const fill = (text) => text.replace(/\$\{(\w+)\}/g, (_, variable) => env[variable]);
  const entry = JSON.parse(fs.readFileSync(template, 'utf8')).servers[name];
  const own = Object.fromEntries(Object.entries(entry.env ?? {}).map(([key, value]) => [key, fill(value)]));
  return connect(t, { command: fill(entry.command), args: entry.args.map(fill), env: { ...env, ...own } });
}

/** Calls the `mcp` tool. */
export function mcp(connection, args, options) {
  return connection.client.callTool({ name: 'mcp', arguments: args }, undefined, options);
}

/** Calls the `mcp` tool and reads the compact JSON that it answers with. */
export async function ask(connection, args) {
  const result = await mcp(connection, args);
  assert.equal(result.content.length, 1, JSON.stringify(result));
  assert.equal(result.content[0].type, 'text');
  const { text } = result.content[0];
  const answer = JSON.parse(text);
  assert.equal(text.includes('\n'), false, 'the JSON is compact');
  return { answer, isError: result.isError ?? false };
}

/** The answer of a call that must succeed. */
export async function told(connection, args) {
  const { answer, isError } = await ask(connection, args);
  assert.equal(isError, false, JSON.stringify(answer));
  return answer;
}

/** The answer of a call that must fail. */
export async function refused(connection, args) {
  const { answer, isError } = await ask(connection, args);
  assert.equal(isError, true, JSON.stringify(answer));
  return answer;
}

/** A result without what the bridge itself adds to it. */
export function withoutMarks(result) {
  const { _meta, ...rest } = result;
  const kept = Object.entries(_meta ?? {}).filter(([key]) => !key.startsWith('bridge/'));
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

/** The first text of a result. */
export function text(result) {
  return result.content.find((block) => block.type === 'text')?.text ?? '';
}

/** Runs a command of the bridge in a shell's way: exit code and both outputs. */
export function shell(folder, ...args) {
  return new Promise((resolve) => {
    const options = { env: environment(folder, 'shell.jsonl'), cwd: folder };
    const child = execFile(bridge, ['--config', template, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr });
    });
    child.stdin.end();
  });
}

/** Every process below `pid`, read from the process table. */
export function descendants(pid) {
  const children = new Map();
  for (const name of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const process = describe(Number(name));
    if (process) children.set(process.parent, [...(children.get(process.parent) ?? []), process]);
  }
  const below = (parent) => (children.get(parent) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

/** A live process by its id and start time, which together are never used twice. */
function describe(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : { pid, parent: Number(fields[1]), started: fields[19] };
  } catch {
    return undefined;
  }
}

/** Resolves when none of the processes is alive; fails after `seconds`. */
export async function allGone(processes, seconds) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const alive = processes.filter(({ pid, started }) => describe(pid)?.started === started);
    if (alive.length === 0) return;
    assert.ok(performance.now() < deadline, `still alive: ${alive.map(({ pid }) => pid).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves with code and signal when the child has ended. */
export function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve({ code: child.exitCode, signal: child.signalCode });
  }
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}
