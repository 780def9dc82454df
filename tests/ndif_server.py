"""A small server that speaks NDIF's protocol, for one local model: `python tests/ndif_server.py FOLDER ORG/MODEL PORT`.

It runs the code that clients send, as NDIF does, so it listens on this machine alone. The model is wrapped as NDIF
wraps it: by nnsight, without names of ours; our modules are hidden from what clients send.
"""

import asyncio
import io
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

os.environ["NNSIGHT_CONFIG"] = str(Path(__file__).parent.parent / "target" / "nnsight.yaml")
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).parent.parent]

import nnsight
import torch
import uvicorn
import zstandard
from fastapi import FastAPI, File, Form, Header, HTTPException, WebSocket
from nnsight.schema.request import RequestModel
from nnsight.schema.response import ResponseModel, Status
from nnsight.tracing import tracer as tracing
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

KEY = "a-key"
app = FastAPI()
sessions: dict[str, WebSocket] = {}
model: Any = None
named = ""


class Ours:
    """Nothing of the project can be imported here: what a client needs must have come with its request."""

    roots = ("agent", "evidence", "target", "tools")

    def find_spec(self, name: str, *_: Any) -> None:
        if name.split(".")[0] in self.roots:
            raise ModuleNotFoundError(f"No module named {name!r}")


@app.websocket("/subscribe")
async def subscribe(socket: WebSocket) -> None:
    await socket.accept()
    session = uuid.uuid4().hex
    sessions[session] = socket
    await socket.send_text(json.dumps({"session_id": session}))
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


@app.post("/request")
async def request(
    data: Annotated[str, Form()], blob: Annotated[bytes, File()], ndif_api_key: Annotated[str, Header()] = ""
) -> dict[str, Any]:
    asked = RequestModel.model_validate_json(data)
    if ndif_api_key != KEY:
        raise HTTPException(401, "Invalid API key")
    if json.loads(asked.model_key.split(":", 1)[1])["repo_id"] != named:
        raise HTTPException(404, f"{asked.model_key} is not deployed")
    asyncio.get_running_loop().create_task(answer(asked, blob))
    return {"id": "job", "status": Status.RECEIVED.value}


async def answer(asked: RequestModel, blob: bytes) -> None:
    socket = sessions[asked.session_id]
    await socket.send_text(ResponseModel(id="job", status=Status.RUNNING).model_dump_json())
    try:
        found = run(asked, blob)
    except Exception as error:
        said = ResponseModel(id="job", status=Status.ERROR, description=f"{type(error).__name__}: {error}")
        await socket.send_text(said.model_dump_json())
        return
    await socket.send_bytes(ResponseModel(id="job", status=Status.COMPLETED, data=found).pickle())


def run(asked: RequestModel, blob: bytes) -> bytes:
    model._remoteable_set_env(asked.env)
    tracer = RequestModel.deserialize(blob, model._remoteable_persistent_objects(), compress=asked.compress)
    tracing.inc()
    try:
        with torch.no_grad():
            tracer.execute(tracer.info.code)
        saved = {key: value for key, value in tracer.info.frame.f_locals.items() if id(value) in tracing._saves()}
    finally:
        tracing.dec()
    out = io.BytesIO()
    torch.save(saved, out)
    return zstandard.compress(out.getvalue()) if asked.compress else out.getvalue()


def main() -> None:
    global model, named
    folder, named = sys.argv[1], sys.argv[2]
    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = nnsight.TransformersModel(loaded, tokenizer=tokenizer, task="text-generation")
    sys.meta_path.insert(0, Ours())  # type: ignore[arg-type]
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="warning")


if __name__ == "__main__":
    main()
