"""The programs that take part: builds them, starts them on free ports, ends them."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REFERENCE_TARGET = ROOT / "target" / "reference"
REFERENCE = REFERENCE_TARGET / "debug" / "reference-server"

# The suite gives each scenario 30 s; only a program that hangs needs longer than this for all of them.
SUITE_SECONDS = 300
START_SECONDS = 30
END_SECONDS = 10


def build(bridge):
    """Builds the reference server, and the bridge unless BRIDGE_BIN names one."""
    manifest = ROOT / "tests" / "reference" / "Cargo.toml"
    subprocess.run(
        ["cargo", "build", "--locked", "--manifest-path", manifest, "--target-dir", REFERENCE_TARGET], check=True
    )
    if bridge and "BRIDGE_BIN" not in os.environ:
        subprocess.run(["cargo", "build", "--bin", "bridge"], cwd=ROOT, check=True)
        metadata = subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        target = json.loads(metadata.stdout)["target_directory"]
        os.environ["BRIDGE_BIN"] = str(Path(target) / "debug" / "bridge")
    if bridge:
        # The client that the suite starts runs elsewhere.
        os.environ["BRIDGE_BIN"] = str(Path(os.environ["BRIDGE_BIN"]).resolve())


class Suite:
    """The suite, installed below .work when its pins changed since the last run."""

    def __init__(self, here):
        self.modules = here / ".work" / "node_modules"
        pins = ["package.json", "package-lock.json", ".npmrc"]
        stamp = str(zlib.crc32(b"".join((here / pin).read_bytes() for pin in pins)))
        installed = here / ".work" / "stamp"
        if not installed.exists() or installed.read_text() != stamp:
            shutil.rmtree(here / ".work", ignore_errors=True)
            (here / ".work").mkdir()
            for pin in pins:
                shutil.copy(here / pin, here / ".work" / pin)
            # The suite wants a newer Node than npm may run on: the one that is installed with it.
            subprocess.run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=here / ".work", check=True)
            installed.write_text(stamp)
        self.node = self._node()

    def _node(self):
        for own in sorted(self.modules.glob("node-*/bin/node")):
            return own
        version = subprocess.run(["node", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
        if int(version.lstrip("v").split(".")[0]) < 22:
            sys.exit(f"conformance: the suite needs Node 22 or newer, this is {version.strip()}")
        return "node"

    def run(self, run, url, folder):
        """Runs it against a server and returns the folder of its results. Whether all is well is for the comparison to say."""
        command = [self.node, self._program(run), "server", "--url", url, *run["arguments"], "--output-dir", folder]
        with open(folder.with_suffix(".log"), "wb") as log:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SUITE_SECONDS, check=False)
        return folder

    def client_scenarios(self, run):
        """The scenarios for clients that the suite has for a run, with those that it reports and does not count."""
        command = [self.node, self._program(run), "list", "--client", *run["scenarios"]]
        listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        _, _, scenarios = listed.partition("Client scenarios")
        found = re.findall(r"^ +- ([^\s:]+)(?: \[(.*)\])?$", scenarios, re.MULTILINE)
        return [scenario for scenario, tag in found if tag != "server"]

    def run_client(self, run, scenario, folder):
        """Lets it judge the bridge as a client in one scenario, and returns whether the client said that it failed."""
        driver = f"{sys.executable} {HERE / 'client.py'}"
        command = [self.node, self._program(run), "client", "--command", driver, "--scenario", scenario]
        log = (folder / scenario).with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as output:
            ended = subprocess.run(
                [*command, *run["arguments"], "--output-dir", folder],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=SUITE_SECONDS,
                check=False,
            )
        return ended.returncode != 0

    def _program(self, run):
        return self.modules / run["suite"] / "dist" / "index.js"


@contextlib.contextmanager
def reference(era):
    """The reference server over HTTP; its URL. It ends with its stdin."""
    command = [REFERENCE, "--http", "0", "--era", era]
    with running(command, stdout=subprocess.PIPE) as process:
        url = process.stdout.readline().decode().strip()
        if not url:
            raise RuntimeError("the reference server did not start")
        yield url


@contextlib.contextmanager
def upstream(pair):
    """The server entry of the bridge's configuration for this pair."""
    if pair.upstream == "stdio":
        yield {"command": str(REFERENCE), "args": ["--era", pair.server]}
        return
    with reference(pair.server) as url:
        yield {"transport": "streamable-http", "url": url}


@contextlib.contextmanager
def bridge(server, folder):
    """The bridge in direct mode before one server; its URL."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    config = home / "config.json"
    config.write_text(json.dumps({"mode": "direct", "toolPrefix": False, "servers": {"reference": server}}))
    port = free_port()
    command = [os.environ["BRIDGE_BIN"], "--config", config, "--http", "--port", str(port)]
    environment = {**os.environ, "BRIDGE_HOME": str(home)}
    log = folder / "bridge.log"
    with open(log, "wb") as stderr, running(command, env=environment, stdout=stderr, stderr=stderr) as process:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the bridge does not listen on port {port}:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("127.0.0.1", port)) == 0
