"""Starts a server as its recipe says, by the bridge itself, and reads which tools it has."""

import json
import os
import platform
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

# Packages are fetched before the first answer.
SECONDS = 240

# Programs that fetch packages need these where a company or a container has certificates and proxies of its own.
HANDED_ON = [
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY",
]

# What stands for keys and inputs; everything else is `made-up-key`. Nothing listens on port 9 of this machine.
INPUTS = {
    "FILESYSTEM_FOLDER": "{folder}",
    "GIT_REPOSITORY": "{repository}",
    "SERENA_PROJECT": "{repository}",
    "SQLITE_DATABASE": "{folder}/data.sqlite",
    "EXCEL_FOLDER": "{folder}",
    "DATABASE_URI": "postgresql://nobody:made-up-key@127.0.0.1:9/none",
    "GRAFANA_URL": "http://127.0.0.1:9",
    "JIRA_URL": "http://127.0.0.1:9",
    "JIRA_USERNAME": "nobody@example.com",
    "CONFLUENCE_URL": "http://127.0.0.1:9/wiki",
    "CONFLUENCE_USERNAME": "nobody@example.com",
    "N8N_API_URL": "http://127.0.0.1:9",
    "STRIPE_SECRET_KEY": "rk_test_made_up_key",
    "SLACK_MCP_XOXP_TOKEN": "xoxp-made-up-key",
    "MDB_MCP_CONNECTION_STRING": "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=500",
    "REDIS_HOST": "127.0.0.1",
    "QDRANT_URL": "http://127.0.0.1:9",
}


# Of a cluster that nobody has.
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: nobody, user: {token: made-up-key}}]
contexts: [{name: none, context: {cluster: none, user: nobody}}]
current-context: none
"""

# What npx and uvx say of a package that needs another one which the registry has not.
UNRESOLVED = re.compile(r"code ETARGET|No solution found when resolving")


class Unable(Exception):
    """The server cannot be started on this machine, which is no fault of its recipe."""


def list_tools(recipe, transport, bridge, tools, cache):
    """The names of the tools, or none and what the bridge said."""
    with tempfile.TemporaryDirectory(prefix="bridge-catalog-", ignore_cleanup_errors=True) as home:
        config = Path(home) / "config.json"
        entry = entry_of(recipe, transport, Path(home), tools, cache)
        whole = {"connectionTimeoutMs": SECONDS * 1000, "servers": {recipe["id"]: entry}}
        config.write_text(json.dumps(whole), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR", *HANDED_ON)}
        environment |= {"HOME": home, "PATH": entry.get("env", {}).get("PATH", os.environ["PATH"])}
        environment |= inputs(recipe, Path(home))
        command = [str(bridge), "--config", str(config), "tools", recipe["id"], "--json"]
        code, output, said = run(command, environment)
    if code != 0 and UNRESOLVED.search(said):
        raise Unable("a package that it needs was not in the registry")
    if code != 0:
        return None, last_words(said)
    return [tool["name"] for tool in json.loads(output)["tools"]], ""


def run(command, environment):
    """The exit code and both outputs; what does not end in time is told to."""
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, said = child.communicate(timeout=SECONDS + 30)
    except subprocess.TimeoutExpired:
        # What the bridge has started ends with it.
        child.terminate()
        try:
            output, said = child.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            output, said = child.communicate()
        said += f"\nno list of tools within {SECONDS} s"
    return child.returncode, output, said


def entry_of(recipe, transport, home, tools, cache):
    """The server's entry of a config."""
    if transport["type"] != "stdio":
        return {key: value for key, value in transport.items() if key in ("url", "headers", "auth")} | {
            "transport": transport["type"]
        }
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(platform.system())
    transport = transport | recipe["install"].get("platforms", {}).get(system, {})
    env = {name: os.environ[name] for name in HANDED_ON if name in os.environ}
    env |= {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "npm_config_cache": str(cache / "npm"),
        "npm_config_userconfig": os.environ.get("NPM_CONFIG_USERCONFIG", str(Path.home() / ".npmrc")),
        "npm_config_update_notifier": "false",
        "UV_CACHE_DIR": str(cache / "uv"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    return {"command": transport["command"], "args": transport.get("args", []), "env": env | transport.get("env", {})}


def inputs(recipe, home):
    """What stands for the variables that a user would be asked for."""
    folder, repository = home / "folder", home / "repository"
    folder.mkdir()
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(KUBECONFIG, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    names = recipe.get("auth", {}).get("envVars", [])
    values = {name: INPUTS.get(name, "made-up-key") for name in names}
    return {name: value.format(folder=folder, repository=repository) for name, value in values.items()}


def last_words(said):
    """The line that says why, without what differs from run to run."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    line = next((line for line in lines if line.startswith("error")), lines[-1] if lines else "it said nothing")
    return re.sub(r"/\S*bridge-catalog-\w+", "…", line)[:400]


def check_python(wanted, tools):
    """Refuses where the package wants a Python that this machine has not."""
    code = "import sys; from pip._vendor.packaging.specifiers import SpecifierSet as S;"
    code += "sys.exit(0 if S(sys.argv[1]).contains('%d.%d.%d' % sys.version_info[:3]) else 1)"
    if wanted and subprocess.run([str(tools / "python"), "-c", code, wanted], check=False).returncode != 0:
        raise Unable(f"needs Python {wanted}")


def answers(url):
    """Whether an address takes MCP: it answers, or it asks for a login. None where nobody can be reached."""
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "check", "version": "1"}},
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = urllib.request.Request(url, json.dumps(hello).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return "json" in answer.headers["Content-Type"] or "event-stream" in answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)
    except OSError:
        return None
