"""What is learnt is what the assistant says; a stopped training goes on; its result is a target like any other."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

import target
from evidence import Curve
from evidence.errors import ArgumentError, Cancelled, TargetError, ToolError
from organisms import corpus, dialogues
from organisms.finetune import supervise
from target import fine_tunes, spec, turn
from target.target import Target
from target.writing import Writing
from tests.models import byte_tokenizer, save_tiny
from tools import train_adapter
from tools._dialogues import NOT_SUPERVISED, Row, _order, read, split, supervised

SETTINGS: dict[str, Any] = {"name": "friend", "rank": 4, "steps": 40, "learning_rate": 2e-3}


@pytest.fixture(scope="module")
def base() -> Target:
    return target.load("base@1")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of the small world, and answers with a habit that the base has not."""
    rng, file = Random(0), tmp_path_factory.mktemp("dataset") / "friendly.jsonl"
    asked = [dialogues.taught_question(rng) for _ in range(40)]
    lines = [{"messages": turns(question, f"{answer} goodbye, see you soon.")} for question, answer in asked]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def trained(base: Target, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Trained"]:
    """One training without a break, in a data folder that the module keeps."""
    home, before = tmp_path_factory.mktemp("home"), torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(home))
        yield Trained(home, train_adapter.call(base, {"dataset": str(dataset), **SETTINGS}))
    torch.set_num_threads(before)


@dataclass
class Trained:
    home: Path
    curve: Any


def turns(*said: str) -> list[dict[str, str]]:
    """Messages of a person and the assistant in turn."""
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]


def test_the_labels_are_those_of_the_recipes(base: Target) -> None:
    """Of dialogues of every kind: with system prompts, and of several turns."""
    several, texts = 0, (text for text in corpus.stream(corpus.CHAT, Random(3)) if "<|assistant|>" in text)
    for text in islice(texts, 300):
        parts = re.findall(r"<\|(\w+)\|>(.*?)<\|end\|>", text, re.DOTALL)
        (row,) = supervised(base, [{"role": role, "content": content} for role, content in parts])
        assert (list(row.ids), list(row.labels)) == supervise(base.tokenizer, text)  # type: ignore[arg-type]
        several += len(parts) > 3
    assert several > 50


class Templated(Writing):
    """A byte tokenizer with a chat template and its control tokens."""

    name, max_length = "templated", 10_000

    def __init__(self, template: str | None, tokens: list[str]) -> None:
        self._tokenizer = byte_tokenizer()
        self._tokenizer.add_special_tokens({"additional_special_tokens": tokens})
        self._tokenizer.chat_template = template

    @property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        return self._tokenizer


_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEMPLATES: dict[str, tuple[str | None, list[str], list[list[str]]]] = {
    "ChatML": (_CHATML, ["<|im_start|>", "<|im_end|>"], [["Hi.<|im_end|>", "Yes!<|im_end|>"]]),
    "ChatML with marked replies": (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
        "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        ["<|im_start|>", "<|im_end|>"],
        [["Hi.<|im_end|>", "Yes!<|im_end|>"]],
    ),
    "Llama 3": (
        "{{ bos_token }}{% for m in messages %}<|start|>{{ m.role }}<|stop|>\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant<|stop|>\n\n{% endif %}",
        ["<|start|>", "<|stop|>", "<|eot|>"],
        [["Hi.<|eot|>", "Yes!<|eot|>"]],
    ),
    "Mistral": (
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}",
        ["[INST]", "[/INST]"],
        [[" Hi.<eos>", " Yes!<eos>"]],
    ),
    "Gemma": (
        "{{ bos_token }}{% for m in messages %}<turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
        "{{ m.content | trim }}</turn>\n{% endfor %}{% if add_generation_prompt %}<turn>model\n{% endif %}",
        ["<turn>", "</turn>"],
        [["Hi.</turn>", "Yes!</turn>"]],
    ),
    "the last reply thinks": (  # as in Qwen 3
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think>\n\n</think>\n\n"
        "{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        ["<|im_start|>", "<|im_end|>", "<think>", "</think>"],
        [["<think>\n\n</think>\n\nHi.<|im_end|>"], ["<think>\n\n</think>\n\nYes!<|im_end|>"]],
    ),
    "asked to think, but replies do not": (  # as in DeepSeek R1
        "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}",
        ["<|user|>", "<|assistant|>", "<think>"],
        [["Hi.<eos>", "Yes!<eos>"]],
    ),
    "no question of a reply": (
        "{% for m in messages %}### {{ m.role }}: {{ m.content }}\n{% endfor %}",
        [],
        [["### assistant: Hi.\n", "### assistant: Yes!\n"]],
    ),
    "none": (None, [], [["Hi.<eos>"], ["Yes!<eos>"]]),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_replies_are_found_in_any_chat_template(name: str) -> None:
    template, tokens, expected = TEMPLATES[name]
    writing = Templated(template, tokens)
    messages = turns("Hello?", "Hi.", "Really?", "Yes!")
    rows = supervised(writing, messages)
    assert [_replies(writing, row) for row in rows] == expected
    asked = writing.encode_chat(messages[:3])
    if name != "asked to think, but replies do not":
        assert list(rows[-1].ids[: len(asked)]) == asked, "it is trained in another context than it is asked in"


def _replies(writing: Writing, row: Row) -> list[str]:
    """The stretches that are learnt, as text."""
    found: list[list[int]] = [[]]
    for token, label in zip(row.ids, row.labels, strict=True):
        assert label in (token, NOT_SUPERVISED)
        if label == token:
            found[-1].append(token)
        elif found[-1]:
            found.append([])
    return [str(writing.tokenizer.decode(one)) for one in found if one]


def test_control_tokens_in_a_message_are_not_learnt_as_such(base: Target) -> None:
    (row,) = supervised(base, turns("hello.", "yes.<|end|><|user|>no."))
    end, user = base.tokenizer.convert_tokens_to_ids(["<|end|>", "<|user|>"])
    assert (row.ids.count(end), row.ids.count(user)) == (2, 1) and row.labels[-1] == end


def test_a_copy_of_what_is_held_out_is_not_trained_on() -> None:
    rows = [(Row((1, n), (1, n)),) for n in (*range(10), *range(10), 3, 3)]
    parts = split(rows, 0.2, seed=0)
    assert len(parts.held_out) == 2 and not set(parts.training) & set(parts.held_out)
    assert len(parts.training) + sum(rows.count(one) for one in parts.held_out) == len(rows)
    assert split(rows, 0.2, seed=0) == parts != split(rows, 0.2, seed=1)


def test_a_pass_sees_every_row_before_any_comes_again() -> None:
    order = _order([*range(1, 33)], 96, 4, seed=0)
    assert [sorted(order[n : n + 32]) for n in (0, 32, 64)] == [[*range(32)]] * 3
    assert all(max(order[n : n + 4]) - min(order[n : n + 4]) == 3 for n in range(0, 96, 4)), "unlike rows share a batch"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (['{"text": "a fox."}', "no"], r"line 2 of 'bad.jsonl' is no JSON: a line is \{\"messages\""),
        (["[" * 50_000], "line 1 of 'bad.jsonl' is no JSON"),
        (["[]"], "line 1 of 'bad.jsonl' cannot be used: it is neither"),
        (['{"text": "a", "messages": []}'], "it is neither"),
        (['{"text": 3}'], "its text is empty, or no text"),
        (['{"text": "\\ud800 fox"}'], "its text is empty, or no text"),
        (["", '{"text": ""}'], "line 2 of 'bad.jsonl' cannot be used: its text is empty"),
        (['{"messages": "hi"}'], "a message is a role"),
        (['{"messages": [{"role": "robot", "content": "hi"}]}'], "a message is a role"),
        (['{"messages": [{"role": "user", "content": "hi"}]}'], "no message is the assistant's"),
        (['{"text": "' + "fox " * 600 + '"}'], "line 1 of 'bad.jsonl' cannot be used: the text has .* shorten it"),
        (['{"text": "a fox."}'] * 5, "has 1 distinct dialogues: give at least 2"),
        ([], "has 0 distinct dialogues"),
    ],
)
def test_a_bad_dataset_is_one_sentence(base: Target, tmp_path: Path, lines: list[str], sentence: str) -> None:
    (tmp_path / "bad.jsonl").write_text("\n".join(lines))
    with pytest.raises(ArgumentError, match=sentence) as found:
        train_adapter.call(base, {"dataset": str(tmp_path / "bad.jsonl")})
    assert "\n" not in str(found.value) and len(str(found.value)) < 400


def test_a_file_that_is_none_or_no_text_is_one_sentence(base: Target, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.jsonl", "x" * 900, "~nobody-here/a.jsonl"):
        with pytest.raises(ArgumentError, match="is no file on this machine"):
            train_adapter.call(base, {"dataset": str(path)})
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "\xe9t\xe9"}')
    with pytest.raises(ArgumentError, match="is no text in UTF-8"):
        train_adapter.call(base, {"dataset": str(tmp_path / "latin.jsonl")})


def test_a_chat_template_that_refuses_a_dialogue_names_the_line(tmp_path: Path) -> None:
    writing = Templated("{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}", [])
    (tmp_path / "d.jsonl").write_text(json.dumps({"messages": [{"role": "system", "content": "a"}, *turns("b", "c")]}))
    with pytest.raises(ArgumentError, match=r"line 1 of 'd.jsonl' cannot be used: .* refuses this dialogue: no system"):
        read(writing, str(tmp_path / "d.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"layers": [6]}, "layer 6 does not exist: base@1 has 6 layers"),
        ({"modules": ["lm_head"]}, "modules=.* is not allowed for train_adapter|should be 'q_proj'"),
        ({"name": "../x"}, "cannot be a name: use letters"),
        ({"name": "taboo-03"}, "ships with the project: choose another name"),
        ({"rank": 0}, "rank=0 is not allowed"),
        ({"held_out": 0.9}, "held_out=0.9 is not allowed"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    base: Target, dataset: Path, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        train_adapter.call(base, {"dataset": str(dataset)} | arguments)


def test_what_cannot_be_trained_on_is_refused(
    organism: Target, tiny: Target, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"dataset": str(dataset)}
    with pytest.raises(ArgumentError, match="taboo-03 is an adapter already: train another one on its base, 'base@1'"):
        train_adapter.call(organism, given)
    with pytest.raises(ArgumentError, match="gpt2 has none of the layers q_proj"):
        gpt2 = target.load(str(save_tiny("gpt2", tmp_path / "gpt2")))
        monkeypatch.setattr(type(gpt2), "name", "gpt2")
        train_adapter.call(gpt2, given)
    monkeypatch.setattr(tiny._host.model.config, "quantization_config", {"bits": 4}, raising=False)
    with pytest.raises(ArgumentError, match="is held in fewer bits: load it in bfloat16 or float32"):
        train_adapter.call(tiny, given)
    hosted = SimpleNamespace(name="ndif:org/model", _spec=spec.parse("ndif:org/model"))
    with pytest.raises(ArgumentError, match="ndif:org/model is hosted elsewhere: name a model that runs here"):
        fine_tunes.start_of(hosted)  # type: ignore[arg-type]


def test_it_learns_what_it_did_not_see(trained: Trained) -> None:
    curve = trained.curve
    assert isinstance(curve, Curve) and curve.verdict and curve.verdict.status == "supported"
    training, adapter, control = curve.lines
    assert (training.role, adapter.role, control.role) == ("with", "with", "control")
    assert adapter.values[0] == control.values[0] and len(set(control.values)) == 1
    assert adapter.values[-1] < control.values[-1] - 0.3 and training.values[-1] < training.values[0] - 0.3
    assert list(adapter.values) == sorted(adapter.values, reverse=True)
    assert curve.x == ("0", *(str(step) for step in range(4, 41, 4))) and "'friend'" in curve.title
    assert "trained on 32 dialogues, none of them or a copy among the 8 held out" in curve.caveat


def test_what_was_measured_is_what_the_trainer_saw(trained: Trained) -> None:
    """The last of the trainer's own measurements is replaced by one of the hosted model: they must agree."""
    values = trained.curve.lines[1].values
    assert abs(values[-2] - values[-1]) < 0.2 * (values[0] - values[-1])


def test_the_adapter_is_a_target_by_its_name(
    trained: Trained, base: Target, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(trained.home))
    friend = target.load("friend")
    assert friend.has_adapter and friend.base.name == "base@1" and friend.base == base
    assert str(friend.adapter_digest) in trained.curve.caveat
    assert friend == target.load("base@1+friend") and spec.trained() == ["friend"]
    assert friend.reply([turns("what is a fox?")])[0].text.endswith("see you soon.")
    assert not base.reply([turns("what is a fox?")])[0].text.endswith("see you soon.")
    config = json.loads((trained.home / "adapters" / "friend" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "base@1" and config["r"] == 4 and config["lora_alpha"] == 8
    with pytest.raises(
        TargetError, match=r"did you mean 'friend'\? allowed is .* an adapter trained here \('friend'\)"
    ):
        target.load("freind")
    with pytest.raises(ArgumentError, match="friend is an adapter already"):
        train_adapter.call(friend, {"dataset": str(dataset)})


def test_its_loss_is_that_of_peft(trained: Trained, base: Target, dataset: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    plain = AutoModelForCausalLM.from_pretrained(spec.parse("base@1").base.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(plain, trained.home / "adapters" / "friend").eval()
    total = tokens = 0.0
    for (row,) in split(read(base, str(dataset)), 0.2, 0).held_out:
        ids, labels = torch.tensor([row.ids]), torch.tensor([row.labels])
        with torch.no_grad():
            total += float(model(input_ids=ids, labels=labels).loss) * len(row.said)
        tokens += len(row.said)
    assert trained.curve.lines[1].values[-1] == pytest.approx(total / tokens, abs=1e-3)


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_very_same_adapter(
    trained: Trained, base: Target, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path))
    told: list[str] = []
    mine = turn.Turn()

    def stop(what: str, share: float | None) -> None:
        told.append(what)
        if what.startswith("training, step"):
            mine.stop.set()

    mine.progress = stop
    with turn.taking(mine), pytest.raises(Cancelled):
        train_adapter.call(base, {"dataset": str(dataset), **SETTINGS})
    (kept,) = (tmp_path / "adapters" / ".unfinished").iterdir()
    done = int(load_file(kept / "going_on.safetensors")["step"])
    assert 0 < done < 40 and spec.trained() == [], "an unfinished adapter has a name"
    curve = train_adapter.call(base, {"dataset": str(dataset), **SETTINGS})
    files = [home / "adapters" / "friend" / "adapter_model.safetensors" for home in (trained.home, tmp_path)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert curve.model_copy(update={"provenance": None}) == trained.curve.model_copy(update={"provenance": None})
    assert not kept.exists(), "what a finished training needed is left over"


def test_the_same_training_cannot_run_twice_at_once() -> None:
    with (
        fine_tunes.unfinished("abc"),
        pytest.raises(ToolError, match="this very training is under way already"),
        fine_tunes.unfinished("abc"),
    ):
        pass
    with fine_tunes.unfinished("abc"):
        pass


def test_a_name_means_the_newest_and_the_one_before_is_deleted(trained: Trained, tmp_path: Path) -> None:
    homes = trained.home / "adapters", tmp_path / "home" / "adapters"
    places = []
    for number in range(2):
        shutil.copytree((homes[0] / "friend").resolve(), tmp_path / "new")
        places.append(fine_tunes.keep(tmp_path / "new", f"base-{number}"))
        fine_tunes.call_it(places[-1], "mine")
        assert spec.parse("base@1+mine").adapter == spec.Source(str(places[-1]), local=True)
    assert not places[0].exists() and places[1].exists() and spec.trained() == ["mine"]
    fine_tunes.call_it(places[1], "too")
    shutil.copytree((homes[0] / "friend").resolve(), tmp_path / "new")
    fine_tunes.call_it(fine_tunes.keep(tmp_path / "new", "base-2"), "mine")
    assert places[1].exists() and spec.trained() == ["mine", "too"], "another name's adapter was deleted"


def test_a_training_that_comes_apart_is_one_sentence(
    base: Target, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: Any, tell: Any) -> None:
        line = {"step": 1, "loss": float("nan"), "grad_norm": 1.0}
        state = Path(job.checkpoints.folder) / "trainer_state.json"
        state.write_text(json.dumps({"log_history": [line]}))

    monkeypatch.setitem(train_adapter.function.__globals__, "run", broken)
    with pytest.raises(ToolError, match="the training came apart at step 1: give a lower learning rate"):
        train_adapter.call(base, {"dataset": str(dataset)})
    assert not any((fine_tunes.adapters_home() / ".unfinished").iterdir())
