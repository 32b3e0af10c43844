// What the one `mcp` tool answers, action by action, for five real servers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, directly, mcp, refused, scratch, servers, text, throughBridge, told } from './support.mjs';

test('an agent sees one tool, which names every server', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const { tools } = await bridge.client.listTools();
  assert.deepEqual(tools.map((tool) => tool.name), ['mcp']);
  for (const name of servers) assert.ok(tools[0].description.includes(name), tools[0].description);
  assert.ok(tools[0].description.includes('a knowledge graph'), 'the servers\' descriptions are shown');
  await told(bridge, { server: 'time', action: 'list' });
  const again = await bridge.client.listTools();
  assert.deepEqual(again.tools, tools, 'nothing changed, so not a byte does');
});

test('status shows every server without starting one', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const before = await told(bridge, { action: 'status' });
  assert.equal(before.action, 'status');
  assert.equal(before.mode, 'router');
  assert.deepEqual(before.servers.map(({ name }) => name), servers);
  for (const server of before.servers) {
    assert.equal(server.transport, 'stdio');
    assert.equal(server.status, 'disconnected');
  }
  await told(bridge, { server: 'time', action: 'list' });
  const after = await told(bridge, { action: 'status' });
  const time = after.servers.find(({ name }) => name === 'time');
  assert.equal(time.status, 'connected');
  assert.equal(time.tools, 2);
  assert.equal(after.servers.find(({ name }) => name === 'git').status, 'disconnected');
});

for (const name of servers) {
  test(`list and schema of ${name} agree with the server`, async (t) => {
    const folder = scratch(t);
    const bridge = await throughBridge(t, folder);
    const direct = await directly(t, folder, name);
    const { tools } = await direct.client.listTools();

    const list = await told(bridge, { server: name, action: 'list' });
    assert.equal(list.server, name);
    assert.equal(list.action, 'list');
    const names = list.tools.map((tool) => tool.signature.split('(')[0]);
    assert.deepEqual(names, tools.map((tool) => tool.name));
    const types = JSON.stringify(list.types ?? {});
    for (const [index, tool] of tools.entries()) {
      const { signature, description = '' } = list.tools[index];
      for (const parameter of Object.keys(tool.inputSchema.properties ?? {})) {
        assert.ok(signature.includes(parameter) || types.includes(parameter), `${parameter} in ${signature}`);
      }
      assert.ok(description.length <= 80, `cut to the limit: ${description}`);
      const start = squeezed(description).slice(0, 20).replace('…', '');
      assert.ok(squeezed(tool.description).startsWith(start), description);
    }

    for (const tool of tools) {
      const schema = await told(bridge, { server: name, action: 'schema', tool: tool.name });
      assert.equal(schema.server, name);
      assert.equal(schema.tool, tool.name);
      assert.equal(schema.description, tool.description);
      assert.deepEqual(schema.schema, tool.inputSchema);
      assert.deepEqual(schema.outputSchema, tool.outputSchema);
      assert.deepEqual(schema.annotations, tool.annotations);
    }
  });
}

function squeezed(prose) {
  return prose.replace(/\s+/g, ' ').trim();
}

test('list without a server counts the tools of each', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const list = await told(bridge, { action: 'list' });
  const shown = JSON.stringify(list);
  for (const name of servers) assert.ok(shown.includes(`"${name}"`), shown);
});

test('a tool that one server has needs no server', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const result = await mcp(bridge, { tool: 'echo', params: { message: 'no server' } });
  assert.equal(text(result), 'Echo: no server');
  const params = { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' };
  const converted = await mcp(bridge, { tool: 'convert_time', params });
  assert.equal(converted.structuredContent.time_difference, '+9.0h');
});

test('refresh rereads one server or all, and calls go on', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  for (const args of [{ server: 'time', action: 'refresh' }, { action: 'refresh' }]) {
    const answer = await told(bridge, args);
    assert.equal(answer.action, 'refresh');
  }
  const { servers: rows } = await told(bridge, { action: 'status' });
  for (const row of rows) assert.ok(row.tools > 0, JSON.stringify(row));
  assert.equal(text(await mcp(bridge, { server: 'everything', tool: 'echo', params: { message: 'on' } })), 'Echo: on');
});

test('wrong names are answered with the nearest ones', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const cases = [
    [{ server: 'everythin', tool: 'echo', params: { message: '' } }, 'unknown_server', 'everything'],
    [{ server: 'gti', action: 'list' }, 'unknown_server', 'git'],
    [{ server: 'tiem', action: 'refresh' }, 'unknown_server', 'time'],
    [{ server: 'everything', tool: 'get-sun', params: { a: 1, b: 2 } }, 'unknown_tool', 'get-sum'],
    [{ server: 'git', action: 'schema', tool: 'git_statsu' }, 'unknown_tool', 'git_status'],
    [{ tool: 'git_comit', params: {} }, 'unknown_tool', 'git_commit'],
    [{ server: 'time', action: 'lst' }, 'invalid_params', 'list'],
    [{ server: 'time' }, 'invalid_params', 'tool'],
    [{ server: 'time', action: 'schema' }, 'invalid_params', 'tool'],
    [{ server: 5, tool: 'echo' }, 'invalid_params', 'server'],
  ];
  for (const [args, error, hint] of cases) {
    const answer = await refused(bridge, args);
    const shown = `${JSON.stringify(args)} → ${JSON.stringify(answer)}`;
    assert.equal(answer.error, error, shown);
    assert.equal(typeof answer.message, 'string', shown);
    assert.ok(JSON.stringify({ ...answer, error: '' }).includes(hint), shown);
  }
});

test('a wrong name harms nothing that follows', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const [wrong, right] = await Promise.all([
    ask(bridge, { server: 'nowhere', tool: 'echo', params: {} }),
    mcp(bridge, { server: 'everything', tool: 'echo', params: { message: 'right' } }),
  ]);
  assert.equal(wrong.isError, true);
  assert.equal(text(right), 'Echo: right');
});
