"""The tools over HTTP, with OpenAPI: `python -m tools.http_server`, and at `/api` of the page.

It exposes tools and the evidence they made here; never a conversation, nor what is known of a person.
"""

import argparse
import json
import logging
import sys
from collections.abc import Collection
from importlib import metadata
from typing import Annotated, Any

import anyio
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from evidence import Evidence, as_figure, as_python, as_text, store
from evidence.errors import ArgumentError, Cancelled, GroundingError, MaieuticError, NotGranted
from target.spec import DEFAULT_TARGET, parse, public_entries
from tools import TOOLS, Tool, _serving, _web
from tools._calls import DEFAULT_GRANT, find
from tools._http_shapes import (
    CallId,
    CallState,
    ErrorBody,
    EvidenceCard,
    EvidenceId,
    Problem,
    TargetCard,
    ToolCard,
    card,
    problems,
)
from tools._tool import Capability

log = logging.getLogger(__name__)
MOST_BYTES = 16_000_000
_STATUS: tuple[tuple[type[MaieuticError], int], ...] = (
    (Cancelled, 499),
    (NotGranted, 403),
    (GroundingError, 404),
    (MaieuticError, 422),
)


_SENTENCES = {
    404: "there is nothing at {path}: openapi.json lists what there is",
    405: "{path} does not answer {method}: openapi.json says what it answers",
}
_PROBLEMS = problems(
    {
        401: "the token is missing or wrong",
        403: "not granted here, or not from this machine",
        404: "there is no such thing",
        405: "this path knows other methods",
        422: "an argument or a target cannot be used; the sentence says what is allowed",
    }
)
_CALL_PROBLEMS = _PROBLEMS | problems(
    {
        400: "the body is not a JSON object",
        413: f"the body is larger than {MOST_BYTES} bytes",
        499: "the call was stopped",
    }
)


def application(
    *, target: str = DEFAULT_TARGET, granted: Collection[Capability] = DEFAULT_GRANT, at: str = ""
) -> FastAPI:
    """The API as a web application, without a guard before it; `at` is the path it is mounted at."""
    calls = _serving.Calls(target, granted)
    app = FastAPI(
        title="Maieutic",
        summary="Interpretability techniques on a hosted model; every result is evidence with its control.",
        version=metadata.version("maieutic"),
        docs_url=None,  # the pages of FastAPI load scripts from elsewhere
        redoc_url=None,
        servers=[{"url": at}] if at else None,
    )
    _report_errors(app)
    _tools(app, calls)
    _calls(app, calls)
    _evidence(app)
    return app


def _tools(app: FastAPI, calls: _serving.Calls) -> None:
    @app.get("/tools", responses=_PROBLEMS, summary="The tools, with the schema of their arguments")
    def tools() -> list[ToolCard]:
        return [card(tool) for tool in TOOLS.values()]

    @app.get("/targets", responses=_PROBLEMS, summary="The targets that ship with the project")
    def targets() -> list[TargetCard]:
        return [TargetCard.model_validate(entry.card()) for entry in public_entries()]

    for tool in TOOLS.values():
        _add(app, calls, tool)

    @app.post("/tools/{name}", include_in_schema=False)
    def unknown(name: str) -> None:
        find(name)


def _add(app: FastAPI, calls: _serving.Calls, tool: Tool[Any, Any]) -> None:
    body = {"required": False, "content": {"application/json": {"schema": tool.schema()}}}

    @app.post(
        f"/tools/{tool.name}",
        operation_id=tool.name,
        summary=tool.summary,
        description=f"{tool.description}\n\nSource: {tool.source}",
        response_model=tool.result,
        responses=_CALL_PROBLEMS,
        openapi_extra={"requestBody": body},
    )
    async def run(
        request: Request,
        call: Annotated[str | None, Query(description="An id of your choice, to follow or stop the call by.")] = None,
    ) -> Response:
        found = await _unless_gone(request, calls, tool.name, await _arguments(request), call)
        return Response(found.model_dump_json(), media_type="application/json")


async def _unless_gone(
    request: Request, calls: _serving.Calls, name: str, arguments: Any, call: str | None
) -> Evidence:
    """Run the call; when the caller hangs up, it is stopped."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    found: list[Evidence] = []
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            found.append(await calls.run(name, arguments, call=call))
            group.cancel_scope.cancel()
    except* MaieuticError as errors:
        raise _first(errors) from None
    if not found:
        raise Cancelled("the caller has gone: the call was stopped")
    return found[0]


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    one: BaseException = errors
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return one


def _calls(app: FastAPI, calls: _serving.Calls) -> None:
    @app.get("/calls", responses=_PROBLEMS, summary="The calls under way")
    def under_way() -> list[CallState]:
        return [CallState(**state) for state in calls.states()]

    @app.get("/calls/{call}", responses=_PROBLEMS, summary="What a call is doing")
    def state(call: CallId) -> CallState:
        return CallState(**calls.state(call))

    @app.delete("/calls/{call}", responses=_PROBLEMS, summary="Stop a call", status_code=202)
    def stop(call: CallId) -> CallState:
        known = CallState(**calls.state(call))
        calls.stop(call)
        return known


def _evidence(app: FastAPI) -> None:
    @app.get("/evidence", responses=_PROBLEMS, summary="The newest evidence made through this API")
    def newest(most: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[EvidenceCard]:
        found = [store.find(name) for name in store.ids()[:most]]
        return [
            EvidenceCard(id=e.provenance.id, title=e.title, tool=e.provenance.tool, target=e.provenance.target)
            for e in found
            if e.provenance
        ]

    @app.get("/evidence/{name}", responses=_PROBLEMS, summary="One evidence")
    def one(name: EvidenceId) -> Evidence:
        return store.find(name)

    @app.get("/evidence/{name}/text", responses=_PROBLEMS, summary="The same as text", response_class=PlainTextResponse)
    def text(name: EvidenceId) -> str:
        return as_text(store.find(name))

    @app.get(
        "/evidence/{name}/python",
        responses=_PROBLEMS,
        summary="The Python that makes it again",
        response_class=PlainTextResponse,
    )
    def python(name: EvidenceId) -> str:
        return as_python(store.find(name))

    @app.get(
        "/evidence/{name}/figure",
        responses=_PROBLEMS,
        summary="Its figure, a page of its own",
        response_class=HTMLResponse,
    )
    def figure(name: EvidenceId) -> str:
        return str(as_figure(store.find(name)).to_html(include_plotlyjs=True))


async def _arguments(request: Request) -> Any:
    """The body as JSON; nothing at all is no arguments."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BYTES} bytes: send less")
    try:
        return json.loads(body.decode("utf-8") or "{}")
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as error:
        why = str(error)
    raise HTTPException(400, f"the body is not JSON ({why}): send one object of arguments") from None


def _report_errors(app: FastAPI) -> None:
    """Every refusal has the same form; what is not ours is logged, and never shown."""

    @app.exception_handler(MaieuticError)
    async def ours(request: Request, error: MaieuticError) -> JSONResponse:
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        return _problem(status, type(error).__name__, str(error))

    @app.exception_handler(RequestValidationError)
    async def wrong(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _problem(422, ArgumentError.__name__, f"{first['loc'][-1]} is not allowed: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        said = _SENTENCES.get(error.status_code, str(error.detail)).format(method=request.method, path=request.url.path)
        answer = _problem(error.status_code, "RequestError", said)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return _problem(500, "InternalError", "something went wrong inside: the log of the server says what")


def _problem(status: int, kind: str, message: str) -> JSONResponse:
    return JSONResponse(Problem(error=ErrorBody(type=kind, message=message)).model_dump(), status_code=status)


def main() -> None:
    """Serve the API until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tools.http_server", description=__doc__)
    _web.add_options(parser, port=7861)
    options = parser.parse_args()
    try:
        parse(options.target)
        app = _web.guarded(application(target=options.target, granted=_web.granted(options)), options.host)
        with _web.listening(options.host, options.port) as on:
            _web.serve(app, on, f"The tools are at {_web.address(options.host, options.port)}/tools; Ctrl+C stops")
    except MaieuticError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
