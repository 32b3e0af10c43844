"""A server on FastMCP: `fast.py NAME TRANSPORT PORT`."""

import sys

from fastmcp import Context, FastMCP

name, transport, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = FastMCP(name)


@server.tool
async def echo(text: str) -> str:
    """Says it again"""
    return f"{name}: {text}"


@server.tool
async def count(steps: int, ctx: Context) -> str:
    """Reports each step"""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps)
    return f"{steps} steps"


@server.tool
async def ask(ctx: Context) -> str:
    """Asks the user for a colour"""
    answer = await ctx.elicit("Which colour?", response_type=str)
    return f"{name}: {answer.data}" if answer.action == "accept" else f"{name}: {answer.action}"


@server.resource(f"note://{name}/first", name=f"{name}-note", mime_type="text/plain")
async def note() -> str:
    """A note"""
    return f"the note of {name}"


@server.resource(f"note://{name}/numbered/{{number}}", name=f"{name}-numbered", mime_type="text/plain")
async def numbered(number: str) -> str:
    """A numbered note"""
    return f"note {number} of {name}"


@server.prompt(name=f"{name}-brief")
async def brief(subject: str) -> str:
    """Asks for a brief"""
    return f"{name}: brief me on {subject}"


server.run(transport=transport, host="127.0.0.1", port=port, show_banner=False, log_level="warning")
