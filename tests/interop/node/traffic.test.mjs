// Many things at once: progress in order, answers as they come, cancellation, several clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directly, mcp, scratch, text, throughBridge } from './support.mjs';

const slow = 'trigger-long-running-operation';

/** What came over the wire for one request: its progress up to the answer, and what came behind it. */
function story(wire) {
  const progress = wire.filter((message) => message.method === 'notifications/progress');
  const token = progress[0]?.params.progressToken;
  const mine = wire.filter((message) => message.params?.progressToken === token || message.id === token);
  return mine.map((message) => message.params?.progress ?? 'answer');
}

test('progress arrives in order and before the answer, as it does directly', async (t) => {
  const folder = scratch(t);
  const params = { duration: 0.5, steps: 10 };
  const direct = await directly(t, folder, 'everything');
  await direct.client.callTool({ name: slow, arguments: params }, undefined, { onprogress: () => {} });
  const bridge = await throughBridge(t, folder);
  const seen = [];
  const result = await mcp(bridge, { server: 'everything', tool: slow, params }, { onprogress: (p) => seen.push(p) });
  assert.match(text(result), /Steps: 10/);
  assert.deepEqual(story(bridge.wire), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 'answer']);
  assert.deepEqual(story(bridge.wire), story(direct.wire));
  assert.equal(seen[0].total, 10);
});

test('progress of calls side by side is not mixed', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const call = async (steps) => {
    const seen = [];
    const options = { onprogress: ({ progress, total }) => seen.push([progress, total]) };
    await mcp(bridge, { server: 'everything', tool: slow, params: { duration: 0.3, steps } }, options);
    // The client drops a notification that is read in one go with the answer, so the last may be missing.
    assert.ok(seen.length >= steps - 1, `${seen.length} of ${steps}`);
    assert.deepEqual(seen, seen.map((_, index) => [index + 1, steps]));
  };
  await Promise.all([3, 4, 5, 6, 7].map(call));
});

test('no progress is sent to a client that did not ask for it', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  await mcp(bridge, { server: 'everything', tool: slow, params: { duration: 0.1, steps: 3 } });
  assert.deepEqual(bridge.wire.filter((message) => message.method === 'notifications/progress'), []);
});

test('a slow call holds up no other', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const order = [];
  const call = (label, server, tool, params) => mcp(bridge, { server, tool, params }).then(() => order.push(label));
  const pending = call('slow', 'everything', slow, { duration: 3, steps: 1 });
  await call('same server', 'everything', 'echo', { message: 'quick' });
  await call('other server', 'filesystem', 'list_allowed_directories', {});
  await pending;
  assert.deepEqual(order, ['same server', 'other server', 'slow']);
});

test('sixty calls in flight over five servers each get their own answer', async (t) => {
  const folder = scratch(t);
  const bridge = await throughBridge(t, folder);
  const calls = Array.from({ length: 60 }, async (_, index) => {
    const minutes = String(index % 60).padStart(2, '0');
    const [server, tool, params, expected] = [
      ['everything', 'echo', { message: `n${index}` }, `Echo: n${index}`],
      ['everything', 'get-sum', { a: index, b: 1000 }, String(index + 1000)],
      ['filesystem', 'get_file_info', { path: `${folder}/files/${index}` }, `files/${index}`],
      ['memory', 'open_nodes', { names: [`n${index}`] }, '"entities": []'],
      ['git', 'git_show', { repo_path: `${folder}/repo`, revision: `no-${index}` }, `no-${index}`],
      ['time', 'convert_time', { source_timezone: 'UTC', time: `12:${minutes}`, target_timezone: 'UTC' }, `12:${minutes}`],
    ][index % 6];
    const result = await mcp(bridge, { server, tool, params });
    assert.ok(text(result).includes(expected), `${server} ${tool} ${expected}: ${text(result)}`);
  });
  await Promise.all(calls);
});

test('a cancelled call is never answered, and the next one is', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const abort = new AbortController();
  const options = { signal: abort.signal, onprogress: () => abort.abort('enough') };
  await assert.rejects(
    mcp(bridge, { server: 'everything', tool: slow, params: { duration: 2, steps: 20 } }, options),
    /enough/,
  );
  const token = bridge.wire.find((message) => message.method === 'notifications/progress').params.progressToken;
  // This one takes longer than what was left of the first, so that an answer to the first would have come.
  await mcp(bridge, { server: 'everything', tool: slow, params: { duration: 2.2, steps: 1 } });
  assert.equal(bridge.wire.some((message) => message.id === token), false);
});

test('two clients at once each get their own answers', async (t) => {
  const folder = scratch(t);
  const clients = await Promise.all([throughBridge(t, folder), throughBridge(t, folder)]);
  await Promise.all(
    clients.flatMap((client, who) =>
      Array.from({ length: 20 }, async (_, index) => {
        const message = `client ${who}, call ${index}`;
        const result = await mcp(client, { server: 'everything', tool: 'echo', params: { message } });
        assert.equal(text(result), `Echo: ${message}`);
      }),
    ),
  );
});
