// Servers, the bridge and clients on every transport.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { environment, scratch } from './support.mjs';

const modules = process.env.INTEROP_MODULES;
const require = createRequire(path.join(modules, '..', 'package.json'));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { SSEClientTransport } = require('@modelcontextprotocol/sdk/client/sse.js');
const { StdioClientTransport } = require('@modelcontextprotocol/sdk/client/stdio.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { CreateMessageRequestSchema, ElicitRequestSchema } = require('@modelcontextprotocol/sdk/types.js');
const stateless = require('@modelcontextprotocol/client');

const everything = path.join(modules, '@modelcontextprotocol', 'server-everything', 'dist', 'index.js');

/** How a client comes to the bridge: as its parent, in a session, on the older transport, with requests that stand alone. */
export const ways = ['stdio', 'http', 'sse', 'stateless'];

/** How the bridge comes to a server. */
export const upstreams = ['stdio', 'http', 'sse'];

/** A port that nobody listens on now. */
async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy() && resolve(true));
    socket.once('error', () => resolve(false));
  });
}

/** Starts a process and resolves when it listens; it ends with the test. */
async function listening(t, command, args, options, port) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const gone = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await gone;
  });
  const deadline = performance.now() + 30_000;
  while (!(await answers(port))) {
    assert.ok(child.exitCode === null && performance.now() < deadline, `it does not listen: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The server with one of everything, reached this way: its entry in a config of the bridge. */
export async function server(t, upstream) {
  if (upstream === 'stdio') return { command: process.env.INTEROP_NODE, args: [everything, 'stdio'] };
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const kind = upstream === 'sse' ? 'sse' : 'streamableHttp';
  await listening(t, process.env.INTEROP_NODE, [everything, kind], { env }, port);
  return upstream === 'sse'
    ? { transport: 'sse', url: `http://127.0.0.1:${port}/sse` }
    : { transport: 'streamable-http', url: `http://127.0.0.1:${port}/mcp` };
}

/** The bridge before these servers, on both HTTP transports, or to be started by each client on stdio. */
export async function serving(t, way, servers, settings = {}) {
  const folder = scratch(t);
  const config = path.join(folder, 'bridge.json');
  fs.writeFileSync(config, JSON.stringify({ servers, ...settings }));
  const env = environment(folder, 'bridge.jsonl');
  const args = ['--config', config];
  if (way === 'stdio') return { command: process.env.BRIDGE_BIN, args, env };
  const port = await freePort();
  args.push('--http', '--sse', '--port', String(port));
  await listening(t, process.env.BRIDGE_BIN, args, { env, cwd: folder }, port);
  return { address: `http://127.0.0.1:${port}` };
}

/** A client of what `serving` returned, or of a server at `{address}`; with answers `{elicit, sample}` it can be asked. */
export async function client(t, place, way, { elicit, sample } = {}) {
  const info = { name: `interop-${way}`, version: '1.0.0' };
  const capabilities = { ...(elicit && { elicitation: {} }), ...(sample && { sampling: {} }) };
  const made = way === 'stateless' ? standingAlone(info, capabilities) : new Client(info, { capabilities });
  const named = (name, schema) => (way === 'stateless' ? name : schema);
  if (elicit) made.setRequestHandler(named('elicitation/create', ElicitRequestSchema), elicit);
  if (sample) made.setRequestHandler(named('sampling/createMessage', CreateMessageRequestSchema), sample);
  await made.connect(transportTo(place, way));
  t.after(() => made.close());
  return made;
}

function standingAlone(info, capabilities) {
  return new stateless.Client(info, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
}

function transportTo({ address, ...parameters }, way) {
  if (way === 'stdio') return new StdioClientTransport({ ...parameters, stderr: 'ignore' });
  if (way === 'sse') return new SSEClientTransport(new URL(`${address}/sse`));
  const url = new URL(`${address}/mcp`);
  return way === 'http' ? new StreamableHTTPClientTransport(url) : new stateless.StreamableHTTPClientTransport(url);
}

/** Calls a tool, reporting its progress. */
export function callWithProgress(connection, way, params, onprogress) {
  return way === 'stateless'
    ? connection.callTool(params, { onprogress })
    : connection.callTool(params, undefined, { onprogress });
}

/** What the inspector's command line prints for one method, read as JSON. */
export async function inspect(t, url, ...args) {
  const inspector = path.join(modules, '.bin', 'mcp-inspector');
  // It keeps a catalogue in the home folder, which is not the tests' to write to.
  const env = { ...process.env, HOME: scratch(t) };
  const child = execFile(process.env.INTEROP_NEW_NODE, [inspector, '--cli', url, ...args], { env });
  child.stdin.end();
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, stderr + stdout);
  return JSON.parse(stdout);
}
