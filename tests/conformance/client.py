"""The client that the suite starts to judge clients by: the bridge in direct mode, and somebody who uses it on stdio.

`client.py URL`, with MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_PROTOCOL_VERSION and, where there is something to be told,
MCP_CONFORMANCE_CONTEXT in the environment. It does what any user does, list everything and call it; whether the bridge
spoke well to the server is for the suite to say.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MAX_ROUNDS = 5
# What the tools of the suite want to be called with, where that is anything.
ARGUMENTS = {"add_numbers": {"a": 5, "b": 3}, "valid_tool": {"region": "us-west1"}}


class Refused(Exception):
    """The answer is an error."""


class Bridge:
    """The bridge before one server, and the messages to it and from it."""

    def __init__(self, url, revision, home):
        self.revision = revision
        self.stands_alone = revision >= "2026-07-28"
        self.last_id = 0
        config = Path(home) / "config.json"
        server = {"transport": "streamable-http", "url": url}
        config.write_text(json.dumps({"mode": "direct", "toolPrefix": False, "servers": {"suite": server}}))
        self.process = subprocess.Popen(
            [os.environ["BRIDGE_BIN"], "--config", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "BRIDGE_HOME": home},
            text=True,
        )

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method, params=None):
        """The result, once questions of the server are answered; an error ends the program."""
        params = dict(params or {})
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
                if "error" in message:
                    raise Refused(f"{method}: {message['error']}")
                return message["result"]
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


def use(bridge, context):
    capabilities = bridge.begin()
    if "tools" in capabilities or not capabilities:
        tools = [tool["name"] for tool in bridge.request("tools/list")["tools"]]
        told = context.get("toolCalls")
        calls = told or [{"name": name, "arguments": ARGUMENTS.get(name, {})} for name in tools]
        for call in calls:
            attempt(bridge, "tools/call", call)
    if "resources" in capabilities:
        for resource in bridge.request("resources/list")["resources"]:
            attempt(bridge, "resources/read", {"uri": resource["uri"]})
    if "prompts" in capabilities:
        for prompt in bridge.request("prompts/list")["prompts"]:
            attempt(bridge, "prompts/get", {"name": prompt["name"]})


def main():
    revision = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    with tempfile.TemporaryDirectory(prefix="bridge-conformance-") as home:
        bridge = Bridge(sys.argv[1], revision, home)
        try:
            use(bridge, context)
        finally:
            bridge.close()


if __name__ == "__main__":
    main()
