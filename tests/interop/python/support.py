"""What the tests share: a scratch folder, clients of the bridge and of a server directly, and the process table."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

TEMPLATE = Path(__file__).parent.parent / "servers.json"
SERVERS = json.loads(TEMPLATE.read_text())["servers"]
BRIDGE = os.environ["BRIDGE_BIN"]


def environment(folder, memory):
    """The variables that servers.json names, and a home folder of the bridge that nothing else uses."""
    installed = {name: os.environ[name] for name in ("INTEROP_NODE", "INTEROP_PYTHON", "INTEROP_MODULES")}
    return installed | {
        # A variable that is never taken for a secret: errors of servers name the folder, and would hold `***` instead.
        "TMPDIR": str(folder),
        "INTEROP_MEMORY": memory,
        "BRIDGE_HOME": str(folder / "home"),
        "PATH": os.environ["PATH"],
    }


def through_bridge(folder, mode="legacy", settings=None, **options):
    """A client of the bridge with all five servers configured, and what else its config should say."""
    config = folder / "bridge.json"
    config.write_text(json.dumps(json.loads(TEMPLATE.read_text()) | (settings or {})))
    return _client(BRIDGE, ["--config", str(config)], environment(folder, "bridge.jsonl"), folder, mode, options)


def directly(folder, name, mode="legacy", **options):
    """A client of one of the servers, started as the bridge starts it."""
    env = environment(folder, "direct.jsonl")

    def fill(text):
        return re.sub(r"\$\{(\w+)\}", lambda found: env[found[1]], text)

    entry = SERVERS[name]
    own = {key: fill(value) for key, value in entry.get("env", {}).items()}
    return _client(fill(entry["command"]), [fill(arg) for arg in entry["args"]], env | own, folder, mode, options)


@asynccontextmanager
async def _client(command, args, env, folder, mode, options):
    parameters = StdioServerParameters(command=command, args=args, env=env)
    with open(folder / "stderr.log", "a") as log:
        transport = stdio_client(parameters, errlog=log)
        async with Client(transport, mode=mode, read_timeout_seconds=30, **options) as client:
            yield client


@contextmanager
def listening(command, port, log, **options):
    """A process that listens on a port of this machine, from when it does until it is ended."""
    with open(log, "ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options)
        try:
            deadline = time.monotonic() + 30
            while not _answers(port):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def peer(folder, program, name, transport):
    """One of the servers in peers/, over HTTP; its entry in a config of the bridge."""
    port = free_port()
    script = Path(__file__).parent / "peers" / program
    with listening([sys.executable, script, name, transport, str(port)], port, folder / f"{name}.log"):
        path, kind = ("sse", "sse") if transport == "sse" else ("mcp", "streamable-http")
        yield {"transport": kind, "url": f"http://127.0.0.1:{port}/{path}"}


@contextmanager
def serving(folder, servers, way, **settings):
    """The bridge before these servers: on both HTTP transports, the address that paths are appended to; on stdio, what a
    client starts."""
    config = folder / "bridge.json"
    config.write_text(json.dumps({"servers": servers} | settings))
    if way == "stdio":
        env = environment(folder, "bridge.jsonl")
        yield StdioServerParameters(command=BRIDGE, args=["--config", str(config)], env=env)
        return
    port = free_port()
    command = [BRIDGE, "--config", config, "--http", "--sse", "--port", str(port)]
    with listening(command, port, folder / "bridge.log", env=environment(folder, "bridge.jsonl"), cwd=folder):
        yield f"http://127.0.0.1:{port}"


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _answers(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


async def call(client, server, tool, params=None, **options):
    """Calls a tool of a server through the `mcp` tool."""
    arguments = {"server": server, "tool": tool, "params": params or {}}
    return await client.call_tool("mcp", arguments, **options)


async def ask(client, **arguments):
    """Calls the `mcp` tool; the JSON that it answers with, and whether it is an error."""
    result = await client.call_tool("mcp", arguments)
    assert [block.type for block in result.content] == ["text"], result
    return json.loads(result.content[0].text), bool(result.is_error)


def text(result):
    """The first text of a result."""
    return next(block.text for block in result.content if block.type == "text")


def plain(result):
    """A result as it travels, without what the bridge itself adds to it."""
    shown = result.model_dump(mode="json", by_alias=True, exclude_unset=True)
    kept = {key: value for key, value in (shown.pop("_meta", None) or {}).items() if not key.startswith("bridge/")}
    return shown | ({"_meta": kept} if kept else {})


def git(folder, *args):
    """Runs git in the scratch repository."""
    return subprocess.run(["git", "-C", folder / "repo", *args], check=True, capture_output=True, text=True).stdout


def descendants(pid):
    """Every process below `pid`, as (id, start time), which together are never used twice."""
    table = [found for found in map(_process, _ids()) if found]
    below, grown = {pid}, True
    while grown:
        more = {child for child, parent, _ in table if parent in below} - below
        below |= more
        grown = bool(more)
    return {(child, started) for child, _, started in table if child in below - {pid}}


def _ids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _process(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (pid, int(fields[1]), fields[19])


def assert_all_gone(processes, seconds):
    """Fails when one of the processes is still alive after so many seconds."""
    deadline = time.monotonic() + seconds
    while alive := {(pid, started) for pid, started in processes if (_process(pid) or (0, 0, 0))[2] == started}:
        assert time.monotonic() < deadline, f"still alive: {alive}"
        time.sleep(0.02)
