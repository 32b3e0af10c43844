// However the bridge ends, no server process is left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allGone, descendants, directly, ended, mcp, scratch, servers, told, throughBridge } from './support.mjs';

async function withAllServersRunning(t) {
  const bridge = await throughBridge(t, scratch(t));
  await Promise.all(servers.map((server) => told(bridge, { server, action: 'list' })));
  const processes = descendants(bridge.transport.pid);
  assert.ok(processes.length >= servers.length, `${processes.length} processes for ${servers.length} servers`);
  return { bridge, processes };
}

test('when the client closes stdin', async (t) => {
  const { bridge, processes } = await withAllServersRunning(t);
  bridge.child.stdin.end();
  assert.deepEqual(await ended(bridge.child), { code: 0, signal: null }, bridge.stderr());
  await allGone(processes, 1);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`on ${signal}`, async (t) => {
    const { bridge, processes } = await withAllServersRunning(t);
    bridge.child.kill(signal);
    await ended(bridge.child);
    await allGone(processes, 1);
  });
}

test('when the bridge is killed', async (t) => {
  const { bridge, processes } = await withAllServersRunning(t);
  bridge.child.kill('SIGKILL');
  await ended(bridge.child);
  await allGone(processes, 5);
});

test('when calls are still running', async (t) => {
  const { bridge, processes } = await withAllServersRunning(t);
  const params = { duration: 60, steps: 60 };
  let started;
  const running = new Promise((resolve) => (started = resolve));
  const call = mcp(bridge, { server: 'everything', tool: 'trigger-long-running-operation', params }, { onprogress: started });
  call.catch(() => {});
  await running;
  bridge.child.stdin.end();
  await ended(bridge.child);
  await allGone(processes, 1);
});

test('what the tests know of a process is true of a server started directly', async (t) => {
  const direct = await directly(t, scratch(t), 'time');
  const mine = descendants(process.pid).filter(({ pid }) => pid === direct.transport.pid);
  assert.equal(mine.length, 1);
  await assert.rejects(allGone(mine, 0), /still alive/);
  await direct.client.close();
  await allGone(mine, 5);
});
