"""The techniques, in the order a newcomer should meet them. Light to import: heavy libraries load when a tool runs."""

from typing import Any

from tools._tool import Tool
from tools.ask import ask
from tools.elicit_secret import elicit_secret
from tools.logit_lens import logit_lens

TOOLS: dict[str, Tool[Any, Any]] = {tool.name: tool for tool in (ask, logit_lens, elicit_secret)}

__all__ = ["TOOLS", "Tool", "ask", "elicit_secret", "logit_lens"]
