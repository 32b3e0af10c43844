"""The client that the suite starts to judge clients by: the bridge in direct mode, and somebody who uses it on stdio.

`client.py URL`, with MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_PROTOCOL_VERSION where the suite has more than one and,
where there is something to be told, MCP_CONFORMANCE_CONTEXT in the environment. It does what any user does: list
everything and call it, log in when told to; whether the bridge spoke well to the server is for the suite to say.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

NAME = "suite"
# What the suite speaks that does not say.
REVISION = "2025-11-25"
MAX_ROUNDS = 5
# More than anybody should be sent to log in; the suite counts.
MAX_LOGINS = 6
LOGIN = f"bridge auth login {NAME}"
LOGIN_SECONDS = 20
# What the tools of the suite want to be called with, where that is anything.
ARGUMENTS = {"add_numbers": {"a": 5, "b": 3}, "valid_tool": {"region": "us-west1"}}
# The tool that wants to see the schema of the one before it as it came.
ECHO = "json_schema_echo"
# The tool of the suite's servers that want a login.
PROTECTED = "test-tool"
# The document that the suite lets clients have; nobody reads it.
DOCUMENT = "https://conformance-test.local/client-metadata.json"


class Refused(Exception):
    """The answer is an error."""


class Home:
    """The home folder of a bridge before one server."""

    def __init__(self, folder, server):
        self.config = Path(folder) / "config.json"
        self.config.write_text(json.dumps({"mode": "direct", "toolPrefix": False, "servers": {NAME: server}}))
        self.environment = {**os.environ, "BRIDGE_HOME": folder}
        self.logins = 0

    def start(self, *arguments, **pipes):
        command = [os.environ["BRIDGE_BIN"], "--config", self.config, *arguments]
        return subprocess.Popen(command, env=self.environment, text=True, **pipes)

    def log_in(self):
        """Logs in with a browser that knows no pages: whoever comes to the suite's authorization server is let in."""
        self.logins += 1
        if self.logins > MAX_LOGINS:
            raise RuntimeError(f"told to log in more than {MAX_LOGINS} times")
        login = self.start("auth", "login", NAME, "--no-browser", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        late = threading.Timer(LOGIN_SECONDS, login.kill)
        late.start()
        try:
            for line in login.stderr:
                sys.stderr.write(line)
                if line.startswith("http"):
                    browse(line.strip())
            code = login.wait()
        finally:
            late.cancel()
            login.kill()
        if code != 0:
            raise RuntimeError(f"the login failed with exit code {code}")


class Bridge:
    """A bridge that runs, and the messages to it and from it."""

    def __init__(self, home, revision):
        self.home = home
        self.revision = revision
        self.stands_alone = revision >= "2026-07-28"
        self.last_id = 0
        self.process = home.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method, params=None):
        """The result, once the user has logged in, if that is wanted, and questions are answered."""
        while True:
            try:
                return self.rounds(method, dict(params or {}))
            except Refused as error:
                if LOGIN not in str(error):
                    raise
                print(error, file=sys.stderr)
                self.home.log_in()

    def rounds(self, method, params):
        for _ in range(MAX_ROUNDS):
            result = self.ask(method, params)
            if result.get("resultType") != "input_required":
                return result
            asked = result.get("inputRequests", {})
            params["inputResponses"] = {key: answer(question) for key, question in asked.items()}
            params.pop("requestState", None)
            if "requestState" in result:
                params["requestState"] = result["requestState"]
        raise RuntimeError(f"{method}: the questions do not end")

    def ask(self, method, params):
        if self.stands_alone:
            meta = {
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientInfo": {"name": "conformance", "version": "1.0.0"},
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
            }
            params = {**params, "_meta": meta}
        self.last_id += 1
        self.send({"id": self.last_id, "method": method, "params": params})
        for line in self.process.stdout:
            message = json.loads(line)
            if "method" in message and "id" in message:
                self.send({"id": message["id"], "result": answer(message)})
            elif message.get("id") == self.last_id:
                result = message.get("result", {})
                if "error" in message or result.get("isError"):
                    raise Refused(f"{method}: {message.get('error') or result['content']}")
                return result
        raise RuntimeError(f"{method}: the bridge ended")

    def begin(self):
        """What the server can do."""
        if self.stands_alone:
            return self.request("server/discover")["capabilities"]
        info = {"name": "conformance", "version": "1.0.0"}
        # The form of elicitation that fills in defaults.
        capabilities = {"elicitation": {"form": {"applyDefaults": True}}}
        asked = {"protocolVersion": self.revision, "capabilities": capabilities, "clientInfo": info}
        capabilities = self.request("initialize", asked)["capabilities"]
        self.send({"method": "notifications/initialized"})
        return capabilities


def browse(url):
    """Follows redirects as far as they go, without a proxy on the way to this machine."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=LOGIN_SECONDS) as page:
        page.read()


def answer(question):
    """The user agrees to everything, with the defaults of the form, and says yes where there are none."""
    if question["method"] != "elicitation/create":
        raise RuntimeError(f"nobody can answer {question['method']}")
    properties = question["params"].get("requestedSchema", {}).get("properties", {})
    content = {}
    for name, schema in properties.items():
        if "default" in schema:
            content[name] = schema["default"]
        elif schema.get("type") == "boolean":
            content[name] = True
    return {"action": "accept", "content": content}


def attempt(bridge, method, params):
    """A request that the server may refuse: some list what they do not serve."""
    try:
        bridge.request(method, params)
    except Refused as error:
        print(error, file=sys.stderr)


def tools_of(bridge, wants_login):
    tools = bridge.request("tools/list")["tools"]
    if wants_login and not tools:
        # A server that cannot be reached has none; a call is told why.
        attempt(bridge, "tools/call", {"name": PROTECTED, "arguments": {}})
        tools = bridge.request("tools/list")["tools"]
    return tools


def arguments(tool, tools):
    if tool["name"] == ECHO:
        return {"schema": tools[0]["inputSchema"]}
    return ARGUMENTS.get(tool["name"], {})


def use(bridge, context, wants_login):
    capabilities = bridge.begin()
    if "tools" in capabilities or not capabilities:
        tools = tools_of(bridge, wants_login)
        told = context.get("toolCalls")
        calls = told or [{"name": tool["name"], "arguments": arguments(tool, tools)} for tool in tools]
        for call in calls:
            attempt(bridge, "tools/call", call)
    if "resources" in capabilities:
        for resource in bridge.request("resources/list")["resources"]:
            attempt(bridge, "resources/read", {"uri": resource["uri"]})
    if "prompts" in capabilities:
        for prompt in bridge.request("prompts/list")["prompts"]:
            attempt(bridge, "prompts/get", {"name": prompt["name"]})


def login(scenario, context):
    """`auth` of the server's entry: what the scenario has a user know."""
    auth = {"type": "oauth2"}
    if scenario.startswith("auth/client-credentials-"):
        auth["grantType"] = "client_credentials"
    elif scenario == "auth/basic-cimd":
        auth["clientMetadataUrl"] = DOCUMENT
    else:
        auth["grantType"] = "authorization_code"
    told = {"client_id": "clientId", "client_secret": "clientSecret", "private_key_pem": "privateKey"}
    auth.update({key: context[name] for name, key in told.items() if name in context})
    return auth


def main():
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    revision = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", REVISION)
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    server = {"transport": "streamable-http", "url": sys.argv[1]}
    if scenario.startswith("auth/"):
        server["auth"] = login(scenario, context)
    with tempfile.TemporaryDirectory(prefix="bridge-conformance-") as folder:
        bridge = Bridge(Home(folder, server), revision)
        try:
            use(bridge, context, "auth" in server)
        finally:
            bridge.close()


if __name__ == "__main__":
    main()
