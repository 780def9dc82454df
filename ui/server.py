"""Serve the page: at once, while the target is still loading."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import fastapi
import gradio as gr

from agent.conversation import Agent
from tools import _web, http_server
from ui import look
from ui.page import build
from ui.session import House

API = "/api"
"""Where the tools are reachable without the page: by this machine alone, or with a token."""


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
    app.mount(API, _web.Access(http_server.application(target=target, at=API), _web.token()))
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
    """Run the page until it is interrupted; the address is printed once the page answers there.

    Raises:
        AddressError: nothing can be served at this host and port.
    """
    with _web.listening(host, port) as on:
        where = _web.address(host, port)
        said = f"Maieutic is at {where} (target {target}, agent {agent.spec}); press Ctrl+C to stop"
        _web.serve(application(agent, target), on, said)


def private_temp_folder() -> Path:
    """Where Gradio keeps its temporary files: a folder of ours, not the shared one."""
    return Path(tempfile.mkdtemp(prefix="maieutic-"))
