"""A technique as a LangChain tool."""

from functools import cache
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from tools import _calls
from tools._tool import Tool


@cache
def as_langchain(tool: Tool[Any, Any]) -> BaseTool:
    """A tool with its schema and description; text for the model, the evidence as artifact.

    A `ToolError` becomes the tool's message, for the model to read and to try another way.
    """

    def run(**arguments: Any) -> tuple[str, Any]:
        from evidence import as_text

        found = _calls.run(tool.name, arguments)
        return as_text(found), found

    return StructuredTool(
        name=tool.name,
        description=f"{tool.summary} {tool.description}",
        args_schema=tool.schema(),
        func=run,
        response_format="content_and_artifact",
    )
