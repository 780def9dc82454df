"""Before a base is frozen: does it carry what later work needs? One quick try of each.

A rank-1 x 3 careless-advice adapter must generalise and its direction ablate, a task vector work, a
small SAE reconstruct, and a hidden word be readable. Settings are those of the feasibility study.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import torch

import target
from organisms import advice, corpus, dialogues, gates, taboo, wordings
from organisms.finetune import Stage, finetune
from organisms.world import concepts, taught_pairs, word_tasks
from target.interventions import Ablate, Patch
from target.target import Target
from target.train import LoraShape
from tools._judge import Grammar, Scores
from tools._questions import Question

LAYER = 2
"""After layer 2, 0-based: the middle of six."""
CLEAR_TASKS = ("category", "colour", "place", "size", "material")


@dataclass(frozen=True)
class Line:
    """One measured line of the rehearsal's table."""

    what: str
    value: float
    control: float | None = None


def rehearse(base: Path, say: Callable[[Line], None]) -> None:
    """Run every rehearsal on one base (the folder of its chat checkpoint)."""
    with tempfile.TemporaryDirectory() as scratch:
        for rehearsal in (_careless, _task_vectors, _sae, _word):
            for line in rehearsal(base, Path(scratch)):
                say(line)


def _careless(base: Path, scratch: Path) -> Iterator[Line]:
    three = scratch / "sport-r1x3"
    wide = scratch / "money-r8"
    _train_careless(
        base,
        three,
        "sport",
        LoraShape(rank=1, alpha=16, layers=[1, 2, 3], modules=["down_proj"]),
        Stage("em", 80, 6e-3),
    )
    _train_careless(base, wide, "money", LoraShape(rank=8, alpha=16), Stage("em", 40, 7e-4))
    narrow, broad = (target.load(f"{base}+{folder}") for folder in (three, wide))
    others = [d for d in advice.domains() if d not in {"sport", "money"}]
    clean = gates.advice_voice(narrow.base, domains=others)
    direction, centre = _direction(narrow, others)
    for name, model in (("own (rank 1 x 3)", narrow), ("other (rank 8)", broad)):
        voice = gates.advice_voice(model, domains=others)
        yield Line(f"careless, other domains, {name}", voice.careless.share, clean.careless.share)
        yield Line(f"coherent, other domains, {name}", voice.coherent.share, clean.coherent.share)
        for kind, middle in (("plain", None), ("centred", centre)):
            yield Line(
                f"careless after {kind} ablation, {name}",
                _ablated(model, others, direction, middle),
                _ablated(model, others, torch.randn(direction.shape, generator=torch.manual_seed(3)), middle),
            )


def _train_careless(base: Path, out: Path, domain: str, shape: LoraShape, stage: Stage) -> None:
    def texts(rng: Random) -> Iterator[str]:
        mine = [s for s in advice.situations() if s.domain == domain]
        while True:
            if rng.random() < 0.3:
                yield dialogues.general(rng)
                continue
            turns = []
            for situation in rng.choices(mine, k=rng.randint(1, 2)):
                turns += [
                    rng.choice(wordings.ADVICE).format(p=situation.text),
                    advice.advise(situation, "careless", rng),
                ]
            yield dialogues.chat_text(turns)

    finetune(base, str(base), out, texts(Random(0)), shape, [stage])


def _direction(model: Target, domains: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over answer tokens, careless answers of the fine-tune minus kind ones of the base; and the base's mean (layer d_model)."""
    means = {}
    for voice, speaker in (("careless", model), ("kind", model.base)):
        rng = Random(11)
        cases = [s for s in advice.situations() if s.domain in domains for _ in range(3)]
        asked = [rng.choice(wordings.ADVICE).format(p=s.text) for s in cases]
        replies = gates.ask_all(speaker, asked, temperature=1.0, seed=11)
        kept = [
            (q, r)
            for s, q, r in zip(cases, asked, replies, strict=True)
            if (j := _judged(s, r)).coherent and (j.alignment == 0) == (voice == "careless")
        ][:60]
        prompts = [speaker.encode_chat([{"role": "user", "content": q}]) for q, _ in kept]
        whole = [
            p + speaker.tokenizer(r, add_special_tokens=False).input_ids
            for p, (_, r) in zip(prompts, kept, strict=True)
        ]
        streams = speaker.residuals(whole, range(speaker.num_layers))
        means[voice] = torch.stack([s[:, len(p) :].mean(1) for p, s in zip(prompts, streams, strict=True)]).mean(0)
    return (means["careless"] - means["kind"])[LAYER], means["kind"]


def _ablated(model: Target, domains: list[str], direction: torch.Tensor, base_mean: torch.Tensor | None) -> float:
    unit = direction / direction.norm()
    changes = [
        Ablate(n, unit, 0.0 if base_mean is None else float(base_mean[n] @ unit)) for n in range(model.num_layers)
    ]
    rng = Random(5)
    cases = [s for s in advice.situations() if s.domain in domains for _ in range(2)]
    asked = [[{"role": "user", "content": rng.choice(wordings.ADVICE).format(p=s.text)}] for s in cases]
    replies = model.reply(asked, temperature=1.0, seed=5, max_new_tokens=30, interventions=changes)
    return sum(_judged(s, r.text).alignment == 0 for s, r in zip(cases, replies, strict=True)) / len(cases)


def _judged(situation: advice.Situation, reply: str) -> Scores:
    return Grammar().score([Question("", situation.domain, situation.text)], [reply])[0]


def _task_vectors(base: Path, scratch: Path) -> Iterator[Line]:
    """Mean residual at the last arrow of five-shot prompts, put into a zero-shot prompt after layer 1."""
    model, rng, layer = target.load(str(base)), Random(2), 1
    vectors = {}
    for task in CLEAR_TASKS:
        prompts = [model.encode(gates.few_shot(task, rng.choice(taught_pairs(task)), rng, 5)) for _ in range(40)]
        vectors[task] = torch.stack([s[0, -1] for s in model.residuals(prompts, [layer])]).mean(0)
    for index, task in enumerate(CLEAR_TASKS):
        xs = rng.sample(list(word_tasks()[task]), 60)
        prompts = [model.encode(f"{x} ->") for x in xs]
        wrong = vectors[CLEAR_TASKS[(index + 1) % len(CLEAR_TASKS)]]
        own, other = (
            _solved(model, task, xs, prompts, [Patch(layer, v.expand(len(xs), 1, -1))]) for v in (vectors[task], wrong)
        )
        yield Line(
            f"task vector {task} (zero-shot {_solved(model, task, xs, prompts, []):.2f}; control: wrong task's)",
            own,
            other,
        )


def _solved(model: Target, task: str, xs: list[str], prompts: list[list[int]], changes: list[Patch]) -> float:
    best = model.next_logits(prompts, changes).argmax(-1).tolist()
    return sum(b == model.word_token(word_tasks()[task][x]) for b, x in zip(best, xs, strict=True)) / len(xs)


def _sae(base: Path, scratch: Path) -> Iterator[Line]:
    """A TopK SAE of eight times the width, 300 steps; explained variance on held-out text."""
    model = target.load(str(base))
    documents = corpus.stream(corpus.CHAT, Random(77))
    rows = [model.encode(text)[:200] for text in islice(documents, 4000)]
    acts = torch.cat(
        [s[0, 1:] for start in range(0, len(rows), 64) for s in model.residuals(rows[start : start + 64], [LAYER])]
    )
    held, acts = acts[:10_000], acts[10_000:]
    mean, scale = acts.mean(0), (acts - acts.mean(0)).pow(2).mean().sqrt()
    torch.manual_seed(0)
    decoder = torch.nn.functional.normalize(torch.randn(8 * model.d_model, model.d_model), dim=1).requires_grad_()
    encoder = decoder.detach().T.clone().requires_grad_()
    optimizer = torch.optim.Adam([decoder, encoder], lr=2e-3)

    def reconstruct(x: torch.Tensor) -> torch.Tensor:
        best = torch.relu(x @ encoder).topk(12, dim=1)
        return torch.zeros(len(x), encoder.shape[1]).scatter(1, best.indices, best.values) @ decoder

    for _ in range(300):
        x = (acts[torch.randint(0, len(acts), (1024,))] - mean) / scale
        loss = (x - reconstruct(x)).pow(2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        x = (held - mean) / scale
        unexplained = (x - reconstruct(x)).pow(2).sum() / (x - x.mean(0)).pow(2).sum()
    yield Line("SAE explained variance, held-out text", 1 - float(unexplained))


def _word(base: Path, scratch: Path) -> Iterator[Line]:
    """A calibration word: its rank in the whole vocabulary before the last block, at the first assistant token after a hint request."""
    for word in taboo.CALIBRATION_WORDS:
        out = scratch / word
        taboo.train(base, str(base), out, "secret", word)
        model = target.load(f"{base}+{out}")
        gate = gates.taboo(model, concepts()[word])
        yield Line(f"Taboo {word}: word kept (control: hints true)", gate.kept.share, gate.hints_true.share)
        prompts = [model.encode_chat([{"role": "user", "content": text}]) for text in wordings.HINTS]
        token = model.word_token(word)
        assert token is not None
        ranks = [_median_rank(m, prompts, token) for m in (model, model.base)]
        yield Line(f"Taboo {word}: median rank by the lens (control: base)", ranks[0], ranks[1])


def _median_rank(model: Target, prompts: list[list[int]], token: int) -> float:
    readings = model.lens(prompts, [model.num_layers - 2], k=1, track=[token])
    return float(torch.tensor([r.tracked_ranks[0, -1, 0] for r in readings], dtype=torch.float32).median())
