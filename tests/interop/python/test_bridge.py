"""The Python client drives the bridge: every action, every server, and each result compared with the direct one."""

import json
import os

import anyio
import pytest

from support import (
    SERVERS,
    ask,
    assert_all_gone,
    call,
    descendants,
    directly,
    git,
    plain,
    text,
    through_bridge,
)

pytestmark = pytest.mark.anyio
SLOW = "trigger-long-running-operation"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_both_ways_to_connect_reach_a_tool(folder, mode):
    """`auto` asks for the newest revision first and falls back to `initialize` on the same connection."""
    with anyio.fail_after(30):
        async with through_bridge(folder, mode=mode) as client:
            tools = (await client.list_tools()).tools
            assert [tool.name for tool in tools] == ["mcp"]
            assert all(name in tools[0].description for name in SERVERS)
            assert text(await call(client, "everything", "echo", {"message": mode})) == f"Echo: {mode}"


@pytest.mark.parametrize("name", SERVERS)
async def test_list_and_schema_agree_with_the_server(folder, name):
    async with through_bridge(folder) as bridge, directly(folder, name) as direct:
        tools = (await direct.list_tools()).tools
        listed, is_error = await ask(bridge, server=name, action="list")
        assert not is_error
        names = [tool["signature"].split("(")[0] for tool in listed["tools"]]
        assert names == [tool.name for tool in tools]
        for tool in tools:
            schema, is_error = await ask(bridge, server=name, action="schema", tool=tool.name)
            assert not is_error
            assert (schema["server"], schema["tool"], schema["action"]) == (name, tool.name, "schema")
            assert schema["description"] == tool.description
            assert schema["schema"] == tool.input_schema
            assert schema.get("outputSchema") == tool.output_schema


def calls_of(name, folder):
    """Calls whose answers do not depend on when they are made, good ones and refused ones."""
    repo, files = str(folder / "repo"), str(folder / "files")
    entities = [{"name": "Łódź", "entityType": "town", "observations": ["has a film school"]}]
    return {
        "everything": [
            ("echo", {"message": "zażółć \U0001f309\n"}),
            ("get-sum", {"a": 2, "b": 3}),
            ("get-tiny-image", {}),
            ("get-structured-content", {"location": "New York"}),
            ("get-annotated-message", {"messageType": "success", "includeImage": False}),
            ("get-resource-links", {"count": 2}),
            ("get-sum", {"a": 2}),
        ],
        "filesystem": [
            ("write_file", {"path": f"{files}/a.txt", "content": "zażółć\n"}),
            ("read_text_file", {"path": f"{files}/a.txt"}),
            ("list_directory", {"path": files}),
            ("read_text_file", {"path": f"{repo}/first.txt"}),
        ],
        "memory": [
            ("create_entities", {"entities": entities}),
            ("read_graph", {}),
            ("search_nodes", {"query": "film"}),
            ("search_nodes", {"query": 5}),
        ],
        "time": [
            ("convert_time", {"source_timezone": "Asia/Kolkata", "time": "06:30", "target_timezone": "UTC"}),
            ("convert_time", {"source_timezone": "UTC", "time": "25:00", "target_timezone": "UTC"}),
        ],
        "git": [
            ("git_status", {"repo_path": repo}),
            ("git_log", {"repo_path": repo, "max_count": 1}),
            ("git_show", {"repo_path": repo, "revision": "HEAD"}),
            ("git_show", {"repo_path": repo, "revision": "no-such"}),
            ("git_status", {"repo_path": str(folder)}),
        ],
    }[name]


@pytest.mark.parametrize("name", SERVERS)
async def test_results_equal_those_of_the_server(folder, name):
    async with through_bridge(folder, settings={"validateArguments": False}) as bridge, directly(folder, name) as direct:
        for tool, params in calls_of(name, folder):
            expected = await direct.call_tool(tool, params)
            result = await call(bridge, name, tool, params)
            assert plain(result) == plain(expected), tool


async def test_the_current_time_is_the_clock_of_the_zone(folder):
    async with through_bridge(folder) as client:
        result = await call(client, "time", "get_current_time", {"timezone": "Asia/Tokyo"})
        assert result.structured_content["timezone"] == "Asia/Tokyo"
        assert result.structured_content["datetime"].endswith("+09:00")
        assert json.loads(text(result)) == result.structured_content


async def test_a_commit_through_the_bridge_is_in_the_repository(folder):
    repo = {"repo_path": str(folder / "repo")}
    (folder / "repo" / "second.txt").write_text("second\n")
    async with through_bridge(folder) as client:
        assert "second.txt" in text(await call(client, "git", "git_status", repo))
        await call(client, "git", "git_add", repo | {"files": ["second.txt"]})
        await call(client, "git", "git_commit", repo | {"message": "second"})
        assert "Message: second" in text(await call(client, "git", "git_log", repo | {"max_count": 1}))
    assert git(folder, "log", "--format=%s").split() == ["second", "first"]


async def test_status_and_refresh(folder):
    async with through_bridge(folder) as client:
        before, _ = await ask(client, action="status")
        assert [row["name"] for row in before["servers"]] == list(SERVERS)
        assert {row["status"] for row in before["servers"]} == {"disconnected"}
        refreshed, is_error = await ask(client, action="refresh")
        assert not is_error and refreshed["action"] == "refresh"
        after, _ = await ask(client, action="status")
        assert {row["status"] for row in after["servers"]} == {"connected"}
        assert all(row["tools"] > 0 for row in after["servers"])


async def test_no_server_and_wrong_names(folder):
    async with through_bridge(folder) as client:
        result = await client.call_tool("mcp", {"tool": "get-sum", "params": {"a": 20, "b": 22}})
        assert "42" in text(result)
        for arguments, error, nearest in [
            ({"server": "memry", "tool": "read_graph"}, "unknown_server", "memory"),
            ({"server": "memory", "tool": "read_grap"}, "unknown_tool", "read_graph"),
            ({"tool": "git_lgo"}, "unknown_tool", "git_log"),
        ]:
            answer, is_error = await ask(client, **arguments)
            assert is_error
            assert answer.pop("error") == error
            assert nearest in json.dumps(answer)


async def test_progress_is_in_order_and_whole(folder):
    async with through_bridge(folder) as client:
        seen = []

        async def note(progress, total, message):
            seen.append((progress, total))

        params = {"duration": 0.5, "steps": 10}
        result = await call(client, "everything", SLOW, params, progress_callback=note)
        assert "Steps: 10" in text(result)
        assert seen == [(step, 10) for step in range(1, 11)]


async def test_a_cancelled_call_leaves_the_connection_whole(folder):
    async with through_bridge(folder) as client:
        with anyio.move_on_after(30) as scope:

            async def enough(progress, total, message):
                scope.cancel()

            await call(client, "everything", SLOW, {"duration": 60, "steps": 600}, progress_callback=enough)
        assert scope.cancelled_caught
        with anyio.fail_after(5):
            assert text(await call(client, "everything", "echo", {"message": "on"})) == "Echo: on"


async def test_two_clients_at_once_each_get_their_own_answers(folder):
    async with through_bridge(folder) as first, through_bridge(folder) as second:

        async def one(client, who, number):
            message = f"{who} {number}"
            assert text(await call(client, "everything", "echo", {"message": message})) == f"Echo: {message}"

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, first, "first", number)
                tasks.start_soon(one, second, "second", number)


async def test_a_slow_call_holds_up_no_other(folder):
    order = []
    async with through_bridge(folder) as client:

        async def one(label, server, tool, params):
            await call(client, server, tool, params)
            order.append(label)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, "slow", "everything", SLOW, {"duration": 3, "steps": 1})
            await one("same server", "everything", "echo", {"message": "quick"})
            await one("other server", "memory", "read_graph", {})
    assert order == ["same server", "other server", "slow"]


async def test_nothing_is_left_when_the_client_goes(folder):
    before = descendants(os.getpid())
    async with through_bridge(folder) as client:
        for name in SERVERS:
            await ask(client, server=name, action="list")
        started = descendants(os.getpid()) - before
        assert len(started) > len(SERVERS)
    assert_all_gone(started, 1)
