"""Tools as LangChain sees them: the declaration for the model. Running them is the loop's business."""

from functools import cache
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from tools import Tool


@cache
def as_langchain(tool: Tool[Any, Any]) -> BaseTool:
    """A tool with its schema and description; text for the model, the evidence as artifact."""

    def run(target: str | None = None, **arguments: Any) -> tuple[str, Any]:
        from evidence import as_text
        from target.spec import DEFAULT_TARGET

        found = tool.call(target or DEFAULT_TARGET, arguments)
        return as_text(found), found

    return StructuredTool(
        name=tool.name,
        description=f"{tool.summary} {tool.description}",
        args_schema=tool.schema(),
        func=run,
        response_format="content_and_artifact",
    )
