"""Where a person's data lives, and the environment every library of ours should see."""

import os
from pathlib import Path

QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "ANONYMIZED_TELEMETRY": "False",
    "TOKENIZERS_PARALLELISM": "false",
}
"""No library reports to anybody; set before any of them is imported."""


def be_quiet() -> None:
    """Switch off every telemetry we know of, unless the person has set the variable themselves."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def data_home() -> Path:
    """The folder for conversations, evidence and memory: `$MAIEUTIC_HOME`, else the system's place for user data."""
    if given := os.environ.get("MAIEUTIC_HOME"):
        return Path(given).expanduser()
    from platformdirs import user_data_path

    return user_data_path("maieutic")
