"""A server that speaks the OpenAI protocol and misbehaves on demand: the model's name says how. Runs as its own process.

`python -m tests.openai_server PORT`
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

app = FastAPI()
asked: Counter[str] = Counter()
"""How often each model was asked."""
last: dict[str, Any] = {}
"""The last request of each model."""


@app.get("/v1/models")
def models() -> dict[str, Any]:
    return {"object": "list", "data": [{"id": "plain", "object": "model"}]}


@app.get("/seen/{model}")
def seen(model: str) -> dict[str, Any]:
    return {"asked": asked[model], "last": last.get(model)}


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Response:
    body = await request.json()
    model = str(body["model"])
    asked[model] += 1
    last[model] = body
    if failed := failure(model, body, asked[model]):
        return failed
    told = message(model, body, asked[model])
    if model == "slow":
        await asyncio.sleep(8)
    if not body.get("stream"):
        return JSONResponse(whole(model, told))
    cut = model == "cut" or (model == "cut-once" and asked[model] == 1)
    return StreamingResponse(events(model, told, cut=cut, body=body), media_type="text/event-stream")


def failure(kind: str, body: dict[str, Any], times: int) -> Response | None:
    """An HTTP error, where the model is one that gives it."""

    def error(status: int, words: str, code: str = "", **headers: str) -> Response:
        return JSONResponse({"error": {"message": words, "type": "error", "code": code}}, status, headers=headers)

    if kind == "busy" or (kind == "busy-twice" and times <= 2):
        return error(429, "Rate limit reached", "rate_limit_exceeded", **{"retry-after-ms": "10"})
    if kind == "broken":
        return error(500, "The server had an error")
    if kind == "no-key":
        return error(401, "Incorrect API key provided: sk-verysecret", "invalid_api_key")
    if kind == "unknown-model":
        return error(404, "The model does not exist", "model_not_found")
    if kind == "overflow" and sum(len(str(m.get("content"))) for m in body["messages"][1:]) > 200:
        return error(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded")
    if kind == "always-overflow":
        return error(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded")
    return None


def message(kind: str, body: dict[str, Any], times: int) -> dict[str, Any]:
    """What the model says: tool calls until there is a result, else words."""
    results = [m for m in body["messages"] if m["role"] == "tool"]
    mended = "no JSON object" in str(body["messages"][-1].get("content"))
    if kind in {"runaway", "runaway-money"}:
        return {"tool_calls": [call("ask", json.dumps({"prompt": f"hello {times}."}))]}
    if kind in CALLS and not results:
        calls = CALLS["tool" if mended and kind == "malformed" else kind]
        return {"tool_calls": [call(name, arguments, index) for index, (name, arguments) in enumerate(calls)]}
    if results:
        return {"content": f"It answered [E1]. The results were {len(results)}."}
    return dict(WORDS.get(kind, {"content": "Hello from a server."}))


ASKED = ("ask", '{"prompt": "hello."}')
CALLS = {
    "tool": [ASKED],
    "parallel": [ASKED, ("ask", '{"prompt": "what is a fox?"}')],
    "malformed": [("ask", '{"prompt": "hel')],
    "malformed-always": [("ask", '{"prompt": "hel')],
    "half-malformed": [ASKED, ("ask", '{"prompt": ')],
    "unknown-tool": [("fly_to_the_moon", "{}")],
    "wrong-arguments": [("logit_lens", '{"layers": [99]}')],
}
WORDS: dict[str, dict[str, Any]] = {
    "refusal": {"refusal": "I cannot help with that."},
    "filtered": {"content": "", "finish_reason": "content_filter"},
    "long": {"content": "It goes on and", "finish_reason": "length"},
    "empty": {"content": ""},
}


def call(name: str, arguments: str, index: int = 0) -> dict[str, Any]:
    return {
        "index": index,
        "id": f"call_{name}_{index}_{asked.total()}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}


def whole(model: str, told: dict[str, Any]) -> dict[str, Any]:
    finish = told.pop("finish_reason", "tool_calls" if "tool_calls" in told else "stop")
    choice = {"index": 0, "message": {"role": "assistant", "content": None} | told, "finish_reason": finish}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice],
        "usage": USAGE,
    }


def events(model: str, told: dict[str, Any], *, cut: bool, body: dict[str, Any]) -> Iterator[str]:
    """The message in pieces, as servers stream it."""

    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        data = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}
        return f"data: {json.dumps(data)}\n\n"

    yield event({"role": "assistant"})
    for number, word in enumerate(str(told.get("content") or "").split(" ")):
        yield event({"content": word if not number else f" {word}"})
        if cut and number == 1:
            raise ConnectionError("the stream breaks off here")
    if "refusal" in told:
        yield event({"refusal": told["refusal"]})
    for one in told.get("tool_calls", []):
        arguments = one["function"]["arguments"]
        yield event({"tool_calls": [one | {"function": {"name": one["function"]["name"], "arguments": ""}}]})
        half = len(arguments) // 2
        for piece in (arguments[:half], arguments[half:]):
            yield event({"tool_calls": [{"index": one["index"], "function": {"arguments": piece}}]})
    yield event({}, told.get("finish_reason", "tool_calls" if "tool_calls" in told else "stop"))
    if (body.get("stream_options") or {}).get("include_usage"):
        data = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": []}
        yield f"data: {json.dumps(data | {'usage': USAGE})}\n\n"
    yield "data: [DONE]\n\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
