"""Serve the page: at once, while the target is still loading."""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import fastapi
import gradio as gr
import uvicorn

from agent.conversation import Agent
from ui import look
from ui.page import build
from ui.session import House

log = logging.getLogger(__name__)


def application(agent: Agent, target: str) -> fastapi.FastAPI:
    """The page as a web application; stores and target load in the background once it serves."""
    house = House(agent, target)

    @contextlib.asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(house.warm_up())
        yield
        warming.cancel()
        await agent.close()

    app = fastapi.FastAPI(title="Maieutic", lifespan=lifespan)
    return gr.mount_gradio_app(
        app,
        build(house),
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        theme=look.THEME,
        css=look.CSS,
        head=look.HEAD,
        mcp_server=False,
        show_error=True,
        app_kwargs={"docs_url": None},
    )


def serve(agent: Agent, target: str, host: str, port: int) -> None:
    """Run the page until it is interrupted."""
    print(
        f"Maieutic is at http://{host}:{port} (target {target}, agent {agent.spec}); press Ctrl+C to stop", flush=True
    )
    uvicorn.run(application(agent, target), host=host, port=port, log_level="warning")


def private_temp_folder() -> Path:
    """Where Gradio keeps its temporary files: a folder of ours, not the shared one."""
    return Path(tempfile.mkdtemp(prefix="maieutic-"))
