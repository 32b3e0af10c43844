// What a tool answers through the bridge is what it answers directly: content, structured content, errors.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { directly, mcp, refused, scratch, text, throughBridge, withoutMarks } from './support.mjs';

/** Makes the same calls in the same order on both ways and compares every result, those of wrong arguments too. */
async function same(t, folder, server, calls) {
  const bridge = await throughBridge(t, folder, { validateArguments: false });
  const direct = await directly(t, folder, server);
  const results = [];
  for (const [tool, params] of calls) {
    const expected = await direct.client.callTool({ name: tool, arguments: params });
    const result = withoutMarks(await mcp(bridge, { server, tool, params }));
    assert.deepEqual(result, expected, tool);
    results.push(result);
  }
  return results;
}

test('everything: texts, sums, images, annotations, links, structured content and refusals', async (t) => {
  const [echo, sum, image, structured] = await same(t, scratch(t), 'everything', [
    ['echo', { message: 'hi — 你好 \u{1F309}\n\u0000"\\' }],
    ['get-sum', { a: 1.5, b: -2 }],
    ['get-tiny-image', {}],
    ['get-structured-content', { location: 'Chicago' }],
    ['get-annotated-message', { messageType: 'error', includeImage: true }],
    ['get-resource-links', { count: 4 }],
    ['echo', {}],
    ['get-sum', { a: 'one', b: 2 }],
    ['get-structured-content', { location: 'Nowhere' }],
  ]);
  assert.equal(text(echo), 'Echo: hi — 你好 \u{1F309}\n\u0000"\\');
  assert.match(text(sum), /-0\.5/);
  assert.deepEqual(image.content.map((block) => block.type), ['text', 'image', 'text']);
  assert.equal(Buffer.from(image.content[1].data, 'base64').subarray(1, 4).toString(), 'PNG');
  assert.equal(typeof structured.structuredContent.temperature, 'number');
});

test('wrong arguments are answered by the bridge, with what would be right', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const cases = [
    ['everything', 'echo', {}, '`message` is missing', 'echo(message)'],
    ['everything', 'get-sum', { a: 'one', b: 2 }, '`a` should be number, not "one"', 'get-sum(a:number,b:number)'],
    ['git', 'git_status', {}, '`repo_path` is missing', 'git_status(repo_path)'],
  ];
  for (const [server, tool, params, message, signature] of cases) {
    const answer = await refused(bridge, { server, tool, params });
    assert.equal(answer.error, 'invalid_params');
    assert.equal(answer.message, message);
    assert.equal(answer.hint, `the tool is called as ${signature}`);
  }
});

test('everything: a megabyte there and back', async (t) => {
  const bridge = await throughBridge(t, scratch(t));
  const message = 'long — '.repeat(150_000);
  const result = await mcp(bridge, { server: 'everything', tool: 'echo', params: { message } });
  assert.equal(text(result), `Echo: ${message}`);
});

test('filesystem: write, read, list, and no way out of the folder', async (t) => {
  const folder = scratch(t);
  const inside = path.join(folder, 'files', 'note.txt');
  const content = 'first — line\nsecond\n';
  const [, read, list, , outside] = await same(t, folder, 'filesystem', [
    ['write_file', { path: inside, content }],
    ['read_text_file', { path: inside }],
    ['list_directory', { path: path.join(folder, 'files') }],
    ['read_text_file', { path: inside, head: 1 }],
    ['read_text_file', { path: path.join(folder, 'repo', 'first.txt') }],
    ['read_text_file', { path: path.join(folder, 'files', '..', 'repo', 'first.txt') }],
    ['list_allowed_directories', {}],
  ]);
  assert.equal(fs.readFileSync(inside, 'utf8'), content);
  assert.equal(text(read), content);
  assert.deepEqual(read.structuredContent, { content });
  assert.equal(text(list), '[FILE] note.txt');
  assert.equal(outside.isError, true);
});

test('memory: entities, the graph, a search, each side with a file of its own', async (t) => {
  const folder = scratch(t);
  const entities = [
    { name: 'Vistula', entityType: 'river', observations: ['flows north'] },
    { name: 'Toruń', entityType: 'town', observations: ['stands on a river'] },
  ];
  const [, , graph, found] = await same(t, folder, 'memory', [
    ['create_entities', { entities }],
    ['create_relations', { relations: [{ from: 'Toruń', to: 'Vistula', relationType: 'on' }] }],
    ['read_graph', {}],
    ['search_nodes', { query: 'north' }],
    ['delete_entities', { entityNames: ['Vistula'] }],
    ['read_graph', {}],
  ]);
  assert.deepEqual(graph.structuredContent.entities, entities);
  assert.deepEqual(found.structuredContent.entities, [entities[0]]);
  const stored = ['bridge.jsonl', 'direct.jsonl'].map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
  assert.equal(stored[0], stored[1]);
});

test('time: conversions and a zone that does not exist', async (t) => {
  const [tokyo, nowhere] = await same(t, scratch(t), 'time', [
    ['convert_time', { source_timezone: 'UTC', time: '12:00', target_timezone: 'Asia/Tokyo' }],
    ['convert_time', { source_timezone: 'Nowhere/None', time: '12:00', target_timezone: 'UTC' }],
    ['get_current_time', { timezone: 'Nowhere/None' }],
  ]);
  assert.equal(tokyo.structuredContent.time_difference, '+9.0h');
  assert.equal(nowhere.isError, true);
});

test('git: status, log, show and a repository that is not its own', async (t) => {
  const folder = scratch(t);
  const repo_path = path.join(folder, 'repo');
  fs.writeFileSync(path.join(repo_path, 'second.txt'), 'second\n');
  const [status, log] = await same(t, folder, 'git', [
    ['git_status', { repo_path }],
    ['git_log', { repo_path }],
    ['git_show', { repo_path, revision: 'HEAD' }],
    ['git_branch', { repo_path, branch_type: 'local' }],
    ['git_status', { repo_path: folder }],
    ['git_status', {}],
  ]);
  assert.match(text(status), /second\.txt/);
  assert.match(text(log), /Message: first/);
});

test('git: stage and commit', async (t) => {
  const folder = scratch(t);
  const repo_path = path.join(folder, 'repo');
  const bridge = await throughBridge(t, folder);
  const git = (tool, params) => mcp(bridge, { server: 'git', tool, params: { repo_path, ...params } });
  fs.writeFileSync(path.join(repo_path, 'second.txt'), 'second\n');
  assert.match(text(await git('git_add', { files: ['second.txt'] })), /staged/);
  assert.match(text(await git('git_diff_staged')), /\+second/);
  assert.match(text(await git('git_commit', { message: 'second' })), /[0-9a-f]{40}/);
  assert.match(text(await git('git_log', { max_count: 1 })), /Message: second/);
  assert.match(text(await git('git_status')), /nothing to commit/);
});
