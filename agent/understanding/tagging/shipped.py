"""The tagger that ships: its weights beside a digest of what they were learned from."""

import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.embedding import minilm_folder
from agent.understanding.tagging.reading import Reader

if TYPE_CHECKING:
    from agent.understanding.tagging.network import Tagger

log = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
LABELLED = FOLDER / "labelled.jsonl"
"""Messages with the tool they ask for and its arguments, by people: {"tool", "say", "arguments"}."""
WEIGHTS = FOLDER.parent / "learned" / "arguments-minilm.safetensors"
READ_BY = ("learning.py", "network.py", "roles.py", "spans.py", "training.py", "varying.py")
"""The files on which the weights depend beside the messages. The rules' reading is no more than a hint that training leaves out
now and then, so that a change of the rules makes no weights stale."""


@cache
def reader() -> Reader | None:
    """The trained reader that ships; None where its weights, or those of the encoder, are not here or are stale."""
    folder = minilm_folder()
    if folder is None or (found := _stored(WEIGHTS)) is None:
        return None
    import torch
    from transformers import AutoTokenizer

    from agent.understanding.tagging.network import Tagger

    with torch.random.fork_rng(devices=[]):  # what is drawn elsewhere stays as it is
        tagger = Tagger(folder)
    tagger.load_state_dict({name: value.float() for name, value in found.items()}, strict=False)
    return Reader(tagger.folded(), AutoTokenizer.from_pretrained(str(folder)))


def _stored(file: Path) -> dict[str, Any] | None:
    from safetensors import safe_open

    if not file.exists():
        return None
    with safe_open(file, framework="pt") as stored:
        if stored.metadata().get("labelled") != digest():
            log.warning("the weights that read arguments are stale: `make understanding` learns them again")
            return None
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - no mapping


def write(tagger: "Tagger", file: Path) -> None:
    """Keep what was learned in half precision, beside the digest of what it was learned from."""
    import torch
    from safetensors.torch import save_file

    tensors = {name: value.detach().to(torch.float16).contiguous() for name, value in tagger.learned_parameters()}
    save_file(tensors, file, metadata={"labelled": digest()})


def digest() -> str:
    """Of the labelled messages and of what is made of them."""
    found = hashlib.sha256(LABELLED.read_bytes())
    for name in READ_BY:
        found.update((FOLDER / name).read_bytes())
    return found.hexdigest()[:16]
