"""The all-layer logit lens on a model shaped like Qwen2.5-0.5B, random weights, 8 prompts of 32 tokens.

Against (a) the floor: the plain forward pass, plus the unembedding of every layer and position itself; and
(b) the memory of materialising all logits. Each variant runs in a process of its own for its peak memory.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evals.result import Metric
from evidence.errors import MaieuticError

PROMPTS, TOKENS, LAYERS, WIDTH, VOCABULARY = 8, 32, 24, 896, 151_936
REPEATS = 3
VARIANTS = ("forward", "unembedding", "lens", "everything")


def run() -> Iterator[Metric]:
    """Median seconds and peak megabytes of each variant, and the two ratios with bars."""
    with tempfile.TemporaryDirectory() as folder:
        _save_model(Path(folder))
        found = {variant: _in_a_process(variant, folder) for variant in VARIANTS}
    seconds = {name: one["seconds"] for name, one in found.items()}
    megabytes = {name: one["megabytes"] for name, one in found.items()}
    floor = seconds["forward"] + seconds["unembedding"]
    for name in VARIANTS:
        yield Metric(f"seconds, {name}", round(seconds[name], 2), REPEATS)
        yield Metric(f"peak megabytes above the loaded model, {name}", round(megabytes[name], 1))
    yield Metric("lens / (forward + unembedding)", round(seconds["lens"] / floor, 3), bar=1.3, side="at most")
    yield Metric(
        "lens memory / memory of all logits",
        round(megabytes["lens"] / megabytes["everything"], 3),
        bar=0.2,
        side="at most",
    )


def _save_model(folder: Path) -> None:
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from organisms import workshop

    config = Qwen2Config(
        hidden_size=WIDTH,
        intermediate_size=4864,
        num_hidden_layers=LAYERS,
        num_attention_heads=14,
        num_key_value_heads=2,
        vocab_size=VOCABULARY,
        tie_word_embeddings=True,
        max_position_embeddings=512,
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for file in workshop.path_of(workshop.BASE).glob("tokenizer*"):
        (folder / file.name).write_bytes(file.read_bytes())


def _in_a_process(variant: str, folder: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.logit_lens", variant, folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MaieuticError(f"the variant {variant!r} failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _variant(name: str, folder: str) -> Callable[[], object]:
    import torch

    import target

    model = target.load(folder, dtype="bfloat16")
    ids = torch.randint(10, 3000, (PROMPTS, TOKENS), generator=torch.manual_seed(1)).tolist()
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
        "everything": everything,
        "lens": lambda: model.lens(ids, layers, k=5),
    }[name]


def _measure(name: str, folder: str) -> dict[str, float]:
    action = _variant(name, folder)
    repeats = 1 if name == "everything" else REPEATS
    if name != "everything":
        action()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew: loading is not what is measured
    loaded, times = _peak_megabytes(), []
    for _ in range(repeats):
        started = time.monotonic()
        action()
        times.append(time.monotonic() - started)
    return {"seconds": sorted(times)[len(times) // 2], "megabytes": _peak_megabytes() - loaded}


def _peak_megabytes() -> float:
    """The highest resident size since the peak was last reset (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise MaieuticError("this system does not tell the peak memory of a process: the benchmark needs Linux")


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2])))
