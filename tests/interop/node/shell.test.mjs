// The commands that people type: stdout is data, stderr is talk, the exit code tells.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directly, scratch, servers, shell } from './support.mjs';

test('call prints what the tool answers', async (t) => {
  const { code, stdout, stderr } = await shell(scratch(t), 'call', 'everything', 'echo', '{"message":"hi"}');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Echo: hi/);
});

test('call --json prints the whole result', async (t) => {
  const run = await shell(scratch(t), 'call', 'everything', 'get-structured-content', '{"location":"Chicago"}', '--json');
  assert.equal(run.code, 0, run.stderr);
  assert.equal(typeof JSON.parse(run.stdout).structuredContent.temperature, 'number');
});

test('tools lists the tools of a server', async (t) => {
  const folder = scratch(t);
  const direct = await directly(t, folder, 'everything');
  const { tools } = await direct.client.listTools();
  for (const json of [[], ['--json']]) {
    const { code, stdout, stderr } = await shell(folder, 'tools', 'everything', ...json);
    assert.equal(code, 0, stderr);
    for (const tool of tools) assert.ok(stdout.includes(tool.name), stdout);
    if (json.length > 0) JSON.parse(stdout);
  }
});

test('servers lists the configured servers', async (t) => {
  for (const json of [[], ['--json']]) {
    const { code, stdout, stderr } = await shell(scratch(t), 'servers', ...json);
    assert.equal(code, 0, stderr);
    for (const name of servers) assert.ok(stdout.includes(name), stdout);
    if (json.length > 0) JSON.parse(stdout);
  }
});

test('what goes wrong is told on stderr and by the exit code', async (t) => {
  const cases = [
    [['call', 'everythin', 'echo', '{}'], 4, /everything/],
    [['call', 'everything', 'ecko', '{}'], 4, /echo/],
    [['tools', 'tiem'], 4, /time/],
    [['call', 'everything', 'echo', '{"message"'], 2, /JSON/i],
    [['call', 'everything', 'echo', '[1]'], 2, /object/],
    [['call', 'everything'], 2, /TOOL/],
  ];
  for (const [args, code, message] of cases) {
    const run = await shell(scratch(t), ...args);
    assert.equal(run.code, code, `${args.join(' ')}: ${run.stdout}${run.stderr}`);
    assert.match(run.stderr, message);
    assert.equal(run.stdout, '', args.join(' '));
  }
});

test('a tool that refuses makes the command fail', async (t) => {
  const run = await shell(scratch(t), 'call', 'filesystem', 'read_text_file', '{"path":"/proc/version"}');
  assert.notEqual(run.code, 0);
  assert.match(run.stdout + run.stderr, /outside allowed directories/);
});
