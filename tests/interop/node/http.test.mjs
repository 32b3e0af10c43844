// The official TypeScript clients, old and new, and the inspector reach the bridge on every transport, and it reaches the
// server behind it on every transport.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callWithProgress, client, inspect, server, serving, upstreams, ways } from './http.mjs';
import { text, withoutMarks } from './support.mjs';

const slow = 'trigger-long-running-operation';
const byName = (left, right) => (left.name < right.name ? -1 : 1);
/** What a revision adds to every result is not the server's. */
const plain = (result) => {
  const { resultType, ttlMs, cacheScope, _meta, ...rest } = withoutMarks(result);
  return rest;
};

for (const way of ways) {
  for (const upstream of upstreams) {
    test(`${way} to ${upstream}: direct mode shows what the server shows`, async (t) => {
      const entry = await server(t, upstream);
      const bridge = await client(t, await serving(t, way, { everything: entry }, { mode: 'direct' }), way);
      const own = upstream === 'stdio' ? await server(t, 'http') : entry;
      const address = own.url.replace(/\/(mcp|sse)$/, '');
      const direct = await client(t, { address }, own.transport === 'sse' ? 'sse' : 'http');

      // The new client does not show `execution`, which its revision has not.
      const ofBoth = ({ execution, ...tool }) => (way === 'stateless' ? tool : { ...tool, execution });
      const tools = (await direct.listTools()).tools.sort(byName).map(ofBoth);
      const shown = (await bridge.listTools()).tools.sort(byName).map(ofBoth);
      assert.deepEqual(shown, tools.map((tool) => ({ ...tool, name: `everything_${tool.name}` })));
      for (const [name, params] of [
        ['echo', { message: 'zażółć \u{1f309}\n' }],
        ['get-sum', { a: 2, b: 3 }],
        ['get-tiny-image', {}],
        ['get-structured-content', { location: 'New York' }],
        ['get-sum', { a: 'two' }],
      ]) {
        const through = await bridge.callTool({ name: `everything_${name}`, arguments: params });
        assert.deepEqual(plain(through), plain(await direct.callTool({ name, arguments: params })), name);
      }

      const { resources } = await direct.listResources();
      assert.deepEqual((await bridge.listResources()).resources, resources);
      const { uri } = resources[0];
      assert.deepEqual(plain(await bridge.readResource({ uri })), plain(await direct.readResource({ uri })));
      const dynamic = await bridge.readResource({ uri: 'demo://resource/dynamic/text/7' });
      assert.match(dynamic.contents[0].text, /^Resource 7/);
      const { resourceTemplates } = await direct.listResourceTemplates();
      assert.deepEqual((await bridge.listResourceTemplates()).resourceTemplates, resourceTemplates);
      const { prompts } = await direct.listPrompts();
      const prompt = (await bridge.listPrompts()).prompts.find(({ name }) => name.endsWith('args-prompt'));
      assert.equal(prompts.find(({ name }) => name === 'args-prompt').description, prompt.description);
      const arguments_ = { city: 'Łódź' };
      assert.deepEqual(
        plain(await bridge.getPrompt({ name: prompt.name, arguments: arguments_ })),
        plain(await direct.getPrompt({ name: 'args-prompt', arguments: arguments_ })),
      );
    });

    test(`${way} to ${upstream}: progress comes in order, in both modes`, async (t) => {
      const entry = await server(t, upstream);
      const params = { duration: 0.5, steps: 5 };
      for (const mode of ['direct', 'router']) {
        const bridge = await client(t, await serving(t, way, { everything: entry }, { mode }), way);
        const seen = [];
        const call =
          mode === 'direct'
            ? { name: `everything_${slow}`, arguments: params }
            : { name: 'mcp', arguments: { server: 'everything', tool: slow, params } };
        const result = await callWithProgress(bridge, way, call, (step) => seen.push([step.progress, step.total]));
        assert.match(text(result), /Steps: 5/);
        // The client drops a notification that is read in one go with the answer, so the last may be missing.
        assert.ok(seen.length >= 4, JSON.stringify(seen));
        assert.deepEqual(seen, seen.map((_, index) => [index + 1, 5]), mode);
      }
    });

    // The server shows its tools that ask only in a session with somebody who can be asked, and requests that stand alone
    // are not from anybody: servers that ask those as well are in the other suite.
    if (way === 'stateless') continue;
    test(`${way} to ${upstream}: the server's questions come to the client that called`, async (t) => {
      const place = await serving(t, way, { everything: await server(t, upstream) }, { mode: 'direct' });
      const asking = (name) =>
        client(t, place, way, {
          elicit: () => ({ action: 'accept', content: { name, check: true } }),
          sample: ({ params }) => ({
            role: 'assistant',
            model: 'none',
            content: { type: 'text', text: `${name} heard ${params.messages[0].content.text}` },
          }),
        });
      const [first, second] = [await asking('first'), await asking('second')];
      const ask = async (bridge, name) => {
        const tools = (await bridge.listTools()).tools.map((tool) => tool.name);
        assert.ok(tools.includes('everything_trigger-elicitation-request'), tools.join());
        const elicited = await bridge.callTool({ name: 'everything_trigger-elicitation-request', arguments: {} });
        assert.match(JSON.stringify(elicited.content), new RegExp(`Name: ${name}`));
        const sampled = await bridge.callTool({ name: 'everything_trigger-sampling-request', arguments: { prompt: name } });
        assert.match(text(sampled), new RegExp(`${name} heard .*${name}`));
      };
      await Promise.all([ask(first, 'first'), ask(second, 'second')]);
    });
  }
}

test('clients of every kind at once share the servers in router mode and get their own answers', async (t) => {
  const servers = Object.fromEntries(await Promise.all(upstreams.map(async (upstream) => [upstream, await server(t, upstream)])));
  const place = await serving(t, 'http', servers);
  const clients = await Promise.all(ways.slice(1).map((way) => client(t, place, way)));
  const call = async (bridge, name, message) => {
    const result = await bridge.callTool({ name: 'mcp', arguments: { server: name, tool: 'echo', params: { message } } });
    assert.equal(text(result), `Echo: ${message}`);
  };
  const all = clients.flatMap((bridge, number) =>
    upstreams.flatMap((name) => Array.from({ length: 10 }, (_, turn) => call(bridge, name, `${number} ${name} ${turn}`))),
  );
  await Promise.all(all);
});

for (const [kind, suffix] of [['http', '/mcp'], ['sse', '/sse']]) {
  test(`the inspector lists and calls over ${kind}`, async (t) => {
    const { address } = await serving(t, kind, { everything: await server(t, kind) }, { mode: 'direct' });
    const url = `${address}${suffix}`;
    const { tools } = await inspect(t, url, '--transport', kind, '--method', 'tools/list');
    assert.ok(tools.some(({ name }) => name === 'everything_echo'));
    const called = ['--method', 'tools/call', '--tool-name', 'everything_echo', '--tool-arg', 'message=hello'];
    assert.equal(text(await inspect(t, url, '--transport', kind, ...called)), 'Echo: hello');
    const { resources } = await inspect(t, url, '--transport', kind, '--method', 'resources/list');
    assert.ok(resources.length > 0);
    const { prompts } = await inspect(t, url, '--transport', kind, '--method', 'prompts/list');
    assert.ok(prompts.length > 0);
  });
}
