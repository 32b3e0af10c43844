"""A server on the Python SDK: `sdk.py NAME TRANSPORT PORT`. Its questions work in sessions and where requests stand alone."""

import sys
from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, MCPServer, Resolve, Sample
from mcp.types import CreateMessageResult, SamplingMessage, TextContent
from pydantic import BaseModel

name, transport, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
server = MCPServer(name, log_level="WARNING")


class Colour(BaseModel):
    colour: str


async def colour() -> Elicit[Colour]:
    return Elicit("Which colour?", Colour)


async def thought(prompt: str) -> Sample:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return Sample([message], max_tokens=10)


@server.tool()
async def echo(text: str) -> str:
    """Says it again"""
    return f"{name}: {text}"


@server.tool()
async def count(steps: int, ctx: Context) -> str:
    """Reports each step"""
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps)
    return f"{steps} steps"


@server.tool()
async def ask(answer: Annotated[Colour, Resolve(colour)]) -> str:
    """Asks the user for a colour"""
    return f"{name}: {answer.colour}"


@server.tool()
async def think(prompt: str, answer: Annotated[CreateMessageResult, Resolve(thought)]) -> str:
    """Lets the client's model answer"""
    return f"{name}: {answer.content.text}"


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


server.run(transport, port=port)
