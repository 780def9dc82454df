"""The all-layer logit lens on a model shaped like Qwen2.5-0.5B, random weights, 8 prompts of 32 tokens.

Against (a) the floor: the plain forward pass, plus the unembedding of every layer and position itself, in bfloat16
as the model has it and in pieces of 96 rows, where the multiplication was fastest; the three in turn in one process.
And (b) the memory of materialising all logits; each in a process of its own for its peak.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import _model, _peak, _rounds
from benchmarks._model import LAYERS, WIDTH
from evals.result import Metric
from evidence.errors import MaieuticError

PROMPTS, TOKENS = 8, 32
ROUNDS = 5
FLOOR = ("forward", "unembedding")


def run() -> Iterator[Metric]:
    """Median seconds, peak megabytes, and the two ratios with bars."""
    yield _rounds.load()
    with tempfile.TemporaryDirectory() as folder:
        _model.save(Path(folder))
        seconds: _rounds.Seconds = _in_a_process("times", folder)
        peaks = {variant: _in_a_process(variant, folder) for variant in ("lens", "everything")}
    for name in seconds:
        yield _rounds.median(name, seconds, name)
    yield Metric("seconds, everything", round(peaks["everything"]["seconds"], 2), 1)
    for name, found in peaks.items():
        yield Metric(f"peak megabytes above the loaded model, {name}", round(found["megabytes"], 1))
    yield _rounds.ratio("lens / (forward + unembedding)", seconds, "lens", *FLOOR, bar=1.3)
    share = peaks["lens"]["megabytes"] / peaks["everything"]["megabytes"]
    yield Metric("lens memory / memory of all logits", round(share, 3), bar=0.2, side="at most")


def _in_a_process(what: str, folder: str):  # type: ignore[no-untyped-def]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.logit_lens", what, folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MaieuticError(f"the variant {what!r} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _variants(folder: str) -> dict[str, Callable[[], object]]:
    import torch

    import target

    model = target.load(folder, dtype="bfloat16")
    ids = _model.prompts(PROMPTS, TOKENS)
    rows = torch.randn(LAYERS * PROMPTS * TOKENS, WIDTH, generator=torch.manual_seed(2)).bfloat16()
    plain, layers = model._host.model, list(range(LAYERS))

    @torch.no_grad()
    def forward() -> object:
        return plain(input_ids=torch.tensor(ids), use_cache=False, logits_to_keep=1).logits

    @torch.no_grad()
    def unembedding() -> object:
        return [plain.lm_head(plain.model.norm(piece)).shape for piece in rows.split(96)]

    @torch.no_grad()
    def everything() -> object:
        hidden = plain(
            input_ids=torch.tensor(ids), use_cache=False, output_hidden_states=True, logits_to_keep=1
        ).hidden_states
        return torch.stack([plain.lm_head(plain.model.norm(h)) for h in hidden[1:]])

    return {
        "forward": forward,
        "unembedding": unembedding,
        "lens": lambda: model.lens(ids, layers, k=5),
        "everything": everything,
    }


def _times(folder: str) -> _rounds.Seconds:
    found = _variants(folder)
    return _rounds.in_turn({name: found[name] for name in (*FLOOR, "lens")}, ROUNDS)


def _alone(variant: str, folder: str) -> dict[str, float]:
    """Seconds and megabytes of one run; the lens has run before, as it has in a session."""
    action = _variants(folder)[variant]
    if variant != "everything":
        action()
    started = time.perf_counter()
    with _peak.above() as found:
        action()
    return {"seconds": time.perf_counter() - started, "megabytes": found.megabytes}


if __name__ == "__main__":
    what, folder = sys.argv[1:]
    print(json.dumps(_times(folder) if what == "times" else _alone(what, folder)))
