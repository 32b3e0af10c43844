"""Both Python clients reach servers of both Python libraries over HTTP and SSE, through the bridge."""

import json
from contextlib import ExitStack, asynccontextmanager

import anyio
import fastmcp
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.types import CreateMessageResult, ElicitResult, TextContent

from support import call, peer, serving, text

pytestmark = pytest.mark.anyio

PEERS = {
    "sdk-http": ("sdk.py", "streamable-http"),
    "sdk-sse": ("sdk.py", "sse"),
    "fast-http": ("fast.py", "http"),
    "fast-sse": ("fast.py", "sse"),
}
# How a client of the SDK comes to the bridge.
WAYS = ["stdio", "sessions", "stateless", "sse"]


@pytest.fixture(scope="session")
def peers(tmp_path_factory):
    """All four servers, for all tests: they keep nothing from one to the next."""
    folder = tmp_path_factory.mktemp("peers")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(peer(folder, program, name, transport))
            for name, (program, transport) in PEERS.items()
        }


@asynccontextmanager
async def client_of(place, way, colour=None):
    """A client of the SDK; with a colour it can be asked for one, and for what a model says."""

    async def elicited(_context, _params):
        # FastMCP names the one field of its form itself.
        return ElicitResult(action="accept", content={"colour": colour, "value": colour})

    async def sampled(_context, params):
        said = f"{params.messages[0].content.text} is {colour}"
        return CreateMessageResult(role="assistant", content=TextContent(type="text", text=said), model="none")

    answers = {"elicitation_callback": elicited, "sampling_callback": sampled} if colour else {}
    transport = {
        "stdio": lambda: stdio_client(place),
        "sse": lambda: sse_client(f"{place}/sse"),
    }.get(way, lambda: f"{place}/mcp")()
    mode = "auto" if way == "stateless" else "legacy"
    async with Client(transport, mode=mode, read_timeout_seconds=20, **answers) as client:
        yield client


@pytest.mark.parametrize("way", WAYS)
async def test_direct_mode_shows_everything(folder, peers, way):
    with anyio.fail_after(60), serving(folder, peers, way, mode="direct") as place:
        async with client_of(place, way) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {f"{name}_{tool}" for name in peers for tool in ("echo", "count", "ask")} <= names
            for name in peers:
                assert text(await client.call_tool(f"{name}_echo", {"text": "zażółć"})) == f"{name}: zażółć"
                result = await client.call_tool(f"{name}_echo", {"text": "x"})
                assert result.structured_content == {"result": f"{name}: x"}
            uris = {str(resource.uri) for resource in (await client.list_resources()).resources}
            assert uris == {f"note://{name}/first" for name in peers}
            templates = {template.uri_template for template in (await client.list_resource_templates()).resource_templates}
            assert templates == {f"note://{name}/numbered/{{number}}" for name in peers}
            prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
            for name in peers:
                read = await client.read_resource(f"note://{name}/first")
                assert read.contents[0].text == f"the note of {name}"
                read = await client.read_resource(f"note://{name}/numbered/7")
                assert read.contents[0].text == f"note 7 of {name}"
                [prompt] = [prompt for prompt in prompts if prompt.endswith(f"{name}-brief")]
                brief = await client.get_prompt(prompt, {"subject": "tea"})
                assert brief.messages[0].content.text == f"{name}: brief me on tea"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["direct", "router"])
async def test_progress_comes_in_order(folder, peers, way, mode):
    with anyio.fail_after(60), serving(folder, peers, way, mode=mode) as place:
        async with client_of(place, way) as client:
            for name in peers:
                seen = []

                async def progress(step, total, _message, seen=seen):
                    seen.append((step, total))

                if mode == "direct":
                    result = await client.call_tool(f"{name}_count", {"steps": 5}, progress_callback=progress)
                else:
                    result = await call(client, name, "count", {"steps": 5}, progress_callback=progress)
                assert text(result) == "5 steps"
                assert seen == [(step, 5) for step in range(1, 6)], name


@pytest.mark.parametrize("way", WAYS)
async def test_router_mode_reaches_all(folder, peers, way):
    with anyio.fail_after(60), serving(folder, peers, way) as place:
        async with client_of(place, way) as client:
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == ["mcp"]
            assert all(name in tools[0].description for name in peers)
            for name in peers:
                assert text(await call(client, name, "echo", {"text": "x"})) == f"{name}: x"
            items = [{"server": name, "tool": "echo", "params": {"text": name}} for name in peers]
            batch = await client.call_tool("mcp", {"action": "batch", "calls": items})
            results = json.loads(text(batch))["results"]
            assert [(entry["server"], "error" in entry) for entry in results] == [(name, False) for name in peers]


@pytest.mark.parametrize("way", WAYS)
async def test_questions_reach_the_user_and_the_model(folder, peers, way):
    with anyio.fail_after(60), serving(folder, peers, way, mode="direct") as place:
        async with client_of(place, way, "green") as client:
            for name in peers:
                # FastMCP has no question for clients whose requests stand alone: it says so itself.
                if (name, way) != ("fast-http", "stateless"):
                    assert text(await client.call_tool(f"{name}_ask", {})) == f"{name}: green"
            for name in ("sdk-http", "sdk-sse"):
                assert text(await client.call_tool(f"{name}_think", {"prompt": "grass"})) == f"{name}: grass is green"


@pytest.mark.parametrize("ways", [("sessions", "sessions"), ("sessions", "stateless"), ("sse", "sessions")])
async def test_two_clients_at_once_are_each_asked_their_own(folder, peers, ways):
    with anyio.fail_after(60), serving(folder, peers, ways[0], mode="direct") as place:
        async with client_of(place, ways[0], "red") as first, client_of(place, ways[1], "blue") as second:
            heard = []

            async def ask(client, colour, name):
                heard.append((colour, text(await client.call_tool(f"{name}_ask", {}))))

            async with anyio.create_task_group() as group:
                for name in ("sdk-http", "sdk-sse", "fast-sse"):
                    for client, colour in ((first, "red"), (second, "blue")):
                        group.start_soon(ask, client, colour, name)
            expected = [(colour, f"{name}: {colour}") for name in ("sdk-http", "sdk-sse", "fast-sse") for colour in ("red", "blue")]
            assert sorted(heard) == sorted(expected)


@pytest.mark.parametrize("path", ["mcp", "sse"])
async def test_fastmcp_client(folder, peers, path):
    async def elicited(_message, _type, _params, _context):
        return {"colour": "yellow", "value": "yellow"}

    with anyio.fail_after(60), serving(folder, peers, path, mode="direct") as address:
        url = f"{address}/{path}"
        async with fastmcp.Client(url, elicitation_handler=elicited, timeout=20) as client:
            names = {tool.name for tool in await client.list_tools()}
            assert {f"{name}_echo" for name in peers} <= names
            for name in peers:
                result = await client.call_tool(f"{name}_echo", {"text": "x"})
                assert result.content[0].text == f"{name}: x"
                [content] = await client.read_resource(f"note://{name}/first")
                assert content.text == f"the note of {name}"
            for name in ("sdk-http", "sdk-sse", "fast-sse"):
                result = await client.call_tool(f"{name}_ask", {})
                assert result.content[0].text == f"{name}: yellow"
