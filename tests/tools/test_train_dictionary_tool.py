"""Every architecture is trained, found by its name and taken by other tools; a stopped training goes on; bad input leaves nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch

import target
from evidence import Curve, artifacts, as_text
from evidence.errors import ArgumentError, Cancelled, ToolError, TrainingError
from evidence.home import data_home
from target import turn
from target.locks import locked
from target.sparse.job import DictionaryJob, matryoshka_groups
from target.sparse.train import train
from target.target import Target
from tests.models import byte_tokenizer, save_qwen
from tests.tools import handmade
from tools import _dictionary_training, _own_text, sae_features, sae_lookup, sae_steer, train_dictionary
from tools._dictionary_formats import load
from tools._dictionary_training import Architecture, Plan, _key
from tools._dictionary_untrained import untrained
from tools._texts import text_sets
from tools.train_dictionary import _explained, _judged

ARCHITECTURES = get_args(Architecture)
SMALL: dict[str, Any] = {"tokens": 6000, "steps": 200, "d_sae": 256, "batch_rows": 256}
_ENGLISH = text_sets()["english"].texts
TEXT_IDS = [[1, 2, 3], [4, 5]]
TEXTS = [f"{n}: {_ENGLISH[n % len(_ENGLISH)]}" for n in range(90)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A random model."""
    return target.load(str(save_qwen(tmp_path_factory.mktemp("model"))))


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return written(tmp_path / "texts.jsonl", *(json.dumps({"text": text}) for text in TEXTS))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training in this process: starting another one takes longer than the training."""
    monkeypatch.setattr(_dictionary_training, "run", train)


def written(file: Path, *lines: str) -> Path:
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return file


def left() -> list[Path]:
    """What there is in the data folder of trainings and their results."""
    return [one for folder in ("dictionaries/.unfinished", "artifacts") for one in (data_home() / folder).rglob("*")]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no more sparse": ({"k": 12, "d_sae": 12}, "k=12 is not sparse: it must be below the number of features, 12"),
    "no such layer": ({"layer": 3}, r"layer 3 does not exist: \S+ has 3 layers, 0\.\.2"),
    "below the first layer": ({"layer": -1}, "layer=-1 is not allowed for train_dictionary: should be greater than"),
    "other": ({"other": "base@1"}, "a batchtopk reads one model: leave `other` out, or ask for a crosscoder"),
    "itself": ({"architecture": "crosscoder"}, "a crosscoder reads two models: name a fine-tune instead of"),
    "stranger": (
        {"architecture": "l1_crosscoder", "other": "base@1"},
        "base@1 has another vocabulary or width than .*: compare with a model of the same family",
    ),
    "architecture": ({"architecture": "relu"}, "architecture='relu' is not allowed for train_dictionary"),
    "path as name": ({"name": "../x"}, r"'../x' cannot be a name: use letters, digits"),
    "evidence as name": ({"name": "E3"}, "'E3' cannot be a name"),
    "shipped name": ({"name": "base@1-sae-layer3"}, "'base@1-sae-layer3' cannot be a name"),
    "missing": ({"texts": "/nowhere/a.txt"}, "texts='/nowhere/a.txt' is no file on this machine"),
    "long name": ({"texts": "x" * 900}, "texts='x+' is no file on this machine"),
    "no home": ({"texts": "~nobody-here/a.txt"}, "texts='~nobody-here/a.txt' is no file on this machine"),
    "folder": ({"texts": "/"}, "texts='/' is no file on this machine"),
    "few tokens": ({"tokens": 100}, "tokens=100 is not allowed for train_dictionary"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_one_sentence_and_leave_nothing(model: Target, case: str, texts: Path) -> None:
    arguments, sentence = BAD[case]
    with pytest.raises(ArgumentError, match=sentence) as found:
        train_dictionary.call(model, {"texts": str(texts)} | arguments)
    assert "\n" not in str(found.value) and len(str(found.value)) < 400
    assert left() == []


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "there are only 0 tokens of different text to train on: give at least 2000"),
    "blank": (b"\n \n\t\n" * 50, "there are only 0 tokens of different text"),
    "one text again and again": (b"a fox is small.\n" * 900, "there are only 0 tokens of different text"),
    "not UTF-8": (b"caf\xe9\n" * 900, "'bad' is no text in UTF-8: convert it"),
    "no text": (b'{"text": "a"}\n{"txt": "a"}\n', r"line 2 of 'bad' cannot be used: a JSON line is \{\"text\": "),
    "broken": (b'{"text": "a"\n', "line 1 of 'bad' cannot be used"),
    "null": (b'{"text": null}\n', "line 1 of 'bad' cannot be used"),
    "number": (b'{"text": 3}\n', "line 1 of 'bad' cannot be used"),
    "list": (b'{"text": ["a"]}\n', "line 1 of 'bad' cannot be used"),
    "half a surrogate pair": (b'{"text": "\\ud800 fox"}\n', "line 1 of 'bad' cannot be used"),
    "deep": (b'{"a":' * 50_000, "line 1 of 'bad' cannot be used"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_sentence_and_leaves_nothing(model: Target, case: str, tmp_path: Path) -> None:
    content, sentence = BAD_FILES[case]
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ArgumentError, match=sentence) as found:
        train_dictionary.call(model, {"texts": str(tmp_path / "bad")})
    assert "\n" not in str(found.value) and len(str(found.value)) < 400
    assert left() == []


def test_models_of_different_depth_leave_nothing(tmp_path: Path, model: Target, texts: Path) -> None:
    shallow = target.load(str(save_qwen(tmp_path / "shallow", layers=2)))
    given = {"architecture": "crosscoder", "other": shallow.name, "layer": 2, "texts": str(texts)}
    with pytest.raises(ArgumentError, match=r"layer 2 does not exist: \S+shallow has 2 layers"):
        train_dictionary.call(model, given)
    assert left() == []


def test_activations_that_cannot_be_kept_leave_nothing(
    model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, *_: Any) -> None:
        (folder / "a.part").parent.mkdir(parents=True)
        (folder / "a.part").touch()
        raise ArgumentError("an activation is out of range")

    monkeypatch.setattr(_dictionary_training, "collect", full)
    with pytest.raises(ArgumentError, match="out of range"):
        train_dictionary.call(model, {"texts": str(texts), "architecture": "itda"})
    assert left() == []


@pytest.mark.parametrize("suffix", ["txt", "jsonl"])
def test_no_text_is_in_both_parts(model: Target, suffix: str, tmp_path: Path) -> None:
    repeated = [*TEXTS, *TEXTS[::-1], *(text.upper() for text in TEXTS), *TEXTS[:40]]
    lines = repeated if suffix == "txt" else [json.dumps({"text": text}) for text in repeated]
    seen, held_out = _own_text.rows(model, str(written(tmp_path / f"t.{suffix}", *lines)), 50_000, 0)
    assert not {tuple(row) for row in seen} & {tuple(row) for row in held_out}
    assert len(seen) + len(held_out) == 2 * len(TEXTS) and len(held_out) == 2 * len(TEXTS) / 10


def test_no_text_of_its_own_is_in_both_parts(model: Target) -> None:
    seen, held_out = _own_text.rows(model, None, 3000, 0)
    assert not {tuple(row) for row in seen} & {tuple(row) for row in held_out}
    assert 0.05 < len(held_out) / len(seen) < 0.2 and (seen, held_out) == _own_text.rows(model, None, 3000, 0)
    assert seen != _own_text.rows(model, None, 3000, 1)[0]


def test_a_text_longer_than_the_model_reads_is_cut(tiny: Target, tmp_path: Path) -> None:
    """Each piece behind the token that begins a text, none longer than the model's context."""
    text, bos = "".join(TEXTS), tiny.tokenizer.bos_token_id
    pieces = list(_own_text._pieces(tiny, text))
    assert all(row[0] == bos and len(row) <= tiny.max_length for row in pieces)
    assert "".join(str(tiny.tokenizer.decode(row[1:])) for row in pieces) == text
    seen, held_out = _own_text.rows(tiny, str(written(tmp_path / "long.txt", text)), 20_000, 0)
    assert sorted([*seen, *held_out]) == sorted(pieces)


def test_other_line_ends_may_stand_in_a_json_line(model: Target, tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"{text}\u2028\x85{text}"}, ensure_ascii=False) for text in TEXTS]
    assert len(_own_text.rows(model, str(written(tmp_path / "t.jsonl", *lines)), 50_000, 0)[0]) >= 81


class Mute:
    """Stands for a target that says nothing, with a chat template."""

    max_length = 100

    def __init__(self, template: str | None) -> None:
        self.tokenizer = byte_tokenizer()
        self.tokenizer.chat_template = template
        self.asked = 0

    def generate(self, ids: list[list[int]], **_: Any) -> list[Any]:
        self.asked += 1
        return [SimpleNamespace(tokens=()) for _ in ids]

    def encode_chat(self, messages: list[dict[str, str]]) -> list[int]:
        text = self.tokenizer.apply_chat_template(messages, tokenize=False)
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(
    ("template", "starts"),
    [(None, [[]]), ("{{ messages[0].content }}", [[]]), ("user: {{ messages[0].content }}", [[], list(b"user: ")])],
)
def test_a_text_begins_where_one_may_and_where_a_person_would_speak(
    template: str | None, starts: list[list[int]]
) -> None:
    mute: Any = Mute(template)
    first = mute.tokenizer.bos_token_id
    decoded = [mute.tokenizer.decode(one).encode() for one in _own_text._starts(mute)[1:]]
    assert _own_text._starts(mute)[0] == [first] and [list(one) for one in decoded] == starts[1:]


def test_a_long_system_prompt_is_no_beginning() -> None:
    mute: Any = Mute("be kind. " * 200 + "{{ messages[0].content }}")
    assert _own_text._starts(mute) == [[mute.tokenizer.bos_token_id]]


def test_a_model_that_says_nothing_is_one_sentence() -> None:
    mute: Any = Mute(None)
    with pytest.raises(ArgumentError, match="there are only 0 tokens of different text to train on"):
        _own_text.rows(mute, None, 3000, 0)
    assert mute.asked < 200


def test_a_dictionary_is_found_by_name_digest_and_evidence(model: Target, texts: Path, here: None) -> None:
    given = {"texts": str(texts), "name": "mine", "steps": 30, "batch_rows": 64, "d_sae": 64, "layer": 1}
    curve = train_dictionary.call(model, given)
    assert isinstance(curve, Curve) and curve.provenance and curve.verdict
    (made,) = curve.artifacts
    for reference in ("mine", made.digest, made.digest[:8], curve.provenance.id):
        found = load(reference, model)
        assert (found.layer, found.d_sae, found.digest, found.weights) == (1, 64, made.digest, model.weights_digest)
    assert load("mine", model).index is not None
    assert not list((data_home() / "dictionaries" / ".unfinished").iterdir()), "what training needed is left over"
    table = sae_lookup.call(model, {"feature": 1, "dictionary": curve.provenance.id})
    assert table.provenance and made in table.provenance.used


def test_the_curve_says_what_it_measured(model: Target, texts: Path, here: None) -> None:
    curve = train_dictionary.call(model, {"texts": str(texts), "steps": 60, "batch_rows": 64, "d_sae": 64})
    learnt, held_out, control = curve.lines
    assert (learnt.role, held_out.role, control.role) == ("with", "with", "control")
    assert learnt.values[0] == 1 and len(set(held_out.values)) == len(set(control.values)) == 1
    assert held_out.values[0] < control.values[0]
    found = load("dictionary", model)
    _, rows = _own_text.rows(model, str(texts), 60_000, 0)
    x = torch.cat([s[0, 1:].float() for s in model.residuals(rows, [1])])
    assert held_out.values[0] == pytest.approx(found.fvu(x), abs=1e-3)
    assert f"on {len(x)} held-out tokens" in curve.caveat and "'dictionary'" in curve.title
    assert f"{1 - found.fvu(x):.3f} of the variance is explained" in str(curve.verdict)


def test_an_itda_needs_no_training(model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_dictionary_training, "run")
    curve = train_dictionary.call(model, {"texts": str(texts), "architecture": "itda", "name": "atoms", "k": 5})
    found = load("atoms", model)
    assert found.architecture == "itda" and found.d_sae < 2000 and curve.x_axis == "tokens visited"
    table = sae_lookup.call(model, {"feature": 0, "dictionary": "atoms"})
    assert any("»" in str(row[2]) for row in table.rows)


def test_a_stopped_itda_goes_on_with_what_was_collected(
    model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"texts": str(texts), "architecture": "itda"}
    with Stopping("visiting activations") as told, pytest.raises(Cancelled):
        train_dictionary.call(model, given)
    assert told and artifacts.names("dictionary") == []
    (kept,) = (data_home() / "dictionaries" / ".unfinished").iterdir()
    before = {file: file.stat().st_mtime_ns for file in kept.rglob("*.safetensors")}
    assert before, "no activations were kept"
    with monkeypatch.context() as patch:
        patch.setattr("target.shards.write_shard", None)  # nothing is collected again
        curve = train_dictionary.call(model, given)
    assert artifacts.names("dictionary") == ["dictionary"] and not kept.exists()
    assert curve.artifacts == train_dictionary.call(model, given).artifacts, "a break left a trace"


def test_stopping_while_the_model_writes_leaves_nothing(model: Target) -> None:
    with Stopping("the model writes text") as told, pytest.raises(Cancelled):
        train_dictionary.call(model, {"tokens": 3000})
    assert told == ["the model writes text to learn from"] and left() == []


def test_the_same_training_twice_at_once_is_refused(model: Target, texts: Path) -> None:
    with Stopping("visiting activations"), pytest.raises(Cancelled):
        train_dictionary.call(model, {"texts": str(texts), "architecture": "itda"})
    (kept,) = (data_home() / "dictionaries" / ".unfinished").iterdir()
    with locked(kept, "the training"), pytest.raises(ToolError, match="this very training is under way already"):
        train_dictionary.call(model, {"texts": str(texts), "architecture": "itda"})


class Stopping:
    """A turn whose person presses stop when something is first told."""

    def __init__(self, what: str) -> None:
        self._what, self.told = what, list[str]()

    def __enter__(self) -> list[str]:
        mine = turn.Turn()

        def follow(what: str, share: float | None) -> None:
            self.told.append(what)
            if what.startswith(self._what):
                mine.stop.set()

        mine.progress = follow
        self._taken = turn.taking(mine)
        self._taken.__enter__()
        return self.told

    def __exit__(self, *_: object) -> None:
        self._taken.__exit__(None, None, None)


def planned(model: Target, **changes: Any) -> Plan:
    given: dict[str, Any] = {"architecture": "topk", "layer": 1, "models": [model], "d_sae": 64, "k": 4, "steps": 10}
    given |= {"batch_rows": 32, "learning_rate": 1e-3, "threshold": 0.3, "low_precision": False, "seed": 0}
    return Plan(**given | changes)


def test_only_the_very_same_training_goes_on(model: Target, tmp_path: Path) -> None:
    other = target.load(str(save_qwen(tmp_path / "other", seed=5)))
    changes: dict[str, Any] = {"architecture": "itda", "layer": 2, "models": [other], "d_sae": 65, "k": 5, "steps": 11}
    changes |= {"batch_rows": 33, "learning_rate": 2e-3, "threshold": 0.4, "low_precision": True, "seed": 1}
    assert changes.keys() == vars(planned(model)).keys()
    keys = {_key(planned(model, **{name: value}), TEXT_IDS) for name, value in changes.items()}
    keys |= {_key(planned(model, models=[other, model]), TEXT_IDS), _key(planned(model), TEXT_IDS[::-1])}
    assert len(keys) == len(changes) + 2 and _key(planned(model), TEXT_IDS) not in keys


def asked_for(model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> DictionaryJob:
    """What a training process is told."""
    jobs: list[DictionaryJob] = []

    def failing(job: DictionaryJob, report: Any) -> None:
        jobs.append(job)
        raise TrainingError("that is enough")

    monkeypatch.setattr(_dictionary_training, "run", failing)
    with pytest.raises(ToolError, match="that is enough"):
        train_dictionary.call(model, {"texts": str(texts)} | given)
    return jobs[0]


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("topk", "topk"),
        ("batchtopk", "batchtopk"),
        ("jumprelu", "jumprelu"),
        ("matryoshka", "batchtopk"),
        ("crosscoder", "batchtopk"),
        ("l1_crosscoder", "l1"),
    ],
)
def test_each_architecture_is_trained_as_what_it_is(
    architecture: str, kind: str, model: Target, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crosses = "crosscoder" in architecture
    beside = {"other": str(save_qwen(tmp_path / "other", seed=5))} if crosses else {}
    job = asked_for(model, texts, monkeypatch, architecture=architecture, **beside)
    assert job.kind == kind and len(job.metadata.get("sources", ())) == 2 * crosses
    assert job.groups == (matryoshka_groups(job.d_sae) if architecture == "matryoshka" else ())


def test_what_is_asked_for_reaches_the_training(model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {"d_sae": 80, "k": 7, "steps": 60, "batch_rows": 48, "learning_rate": 3e-3, "seed": 6}
    job = asked_for(model, texts, monkeypatch, low_precision=True, layer=2, **given)
    assert {name: getattr(job, name) for name in given} == given
    assert job.low_precision and job.layer == 2 and 0 < job.checkpoint_every <= 6, "a stop would lose too much"


def test_token_ids_of_a_large_vocabulary_are_kept_whole(
    model: Target, texts: Path, here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"texts": str(texts), "architecture": "itda"}
    kept = [artifacts.find("dictionary", train_dictionary.call(model, given).artifacts[0].digest)]
    monkeypatch.setattr(Target, "vocab_size", property(lambda _: 40_000))
    kept.append(artifacts.find("dictionary", train_dictionary.call(model, given).artifacts[0].digest))
    assert [one.tensors["tokens"].dtype for one in kept] == [torch.int16, torch.int32]


def test_the_density_of_a_feature_is_of_held_out_text(model: Target, texts: Path, here: None) -> None:
    given = {"texts": str(texts), "steps": 30, "batch_rows": 64, "d_sae": 64, "layer": 1}
    made = artifacts.find("dictionary", train_dictionary.call(model, given).artifacts[0].digest)
    _, rows = _own_text.rows(model, str(texts), 60_000, 0)
    x = torch.cat([s[0, 1:].float() for s in model.residuals(rows, [1])])
    own = (load("dictionary", model).encode(x) > 0).float().mean(0)
    torch.testing.assert_close(made.tensors["density"], own, atol=2e-3, rtol=0)


def test_the_untrained_control_fires_as_often_around_the_mean() -> None:
    x = 3 + torch.randn(200, 16, generator=torch.manual_seed(0))
    of = handmade.by_hand("mine", 0, torch.eye(16, 32), torch.eye(32, 16), normalization="layer_norm")
    bare, other = untrained(of, x, 6.6), untrained(of, x, 6.6, seed=1)
    assert (bare.k, bare.d_sae, bare.normalization) == (7, 32, "none") and not torch.equal(bare.W_dec, other.W_dec)
    assert torch.allclose(bare.b_dec, x.mean(0)) and torch.allclose(bare.W_dec.norm(dim=1), torch.ones(32))
    assert float((bare.encode(x) != 0).sum(1).float().mean()) > 6


def test_a_dictionary_that_explains_too_little_describes_nothing(
    model: Target, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"texts": str(texts), "architecture": "itda"}
    found = train_dictionary.call(model, given).verdict
    assert found and found.status == "supported"
    monkeypatch.setitem(train_dictionary.function.__globals__, "WORST_FVU", 0.01)
    found = train_dictionary.call(model, given).verdict
    assert found and found.status == "not supported" and "less than what counts as an effect" in found.reason


def test_the_verdict_compares_with_what_the_untrained_control_explains(model: Target, texts: Path) -> None:
    curve = train_dictionary.call(model, {"texts": str(texts), "architecture": "itda"})
    of = load("dictionary", model)
    _, rows = _own_text.rows(model, str(texts), 60_000, 0)
    x = _judged(of, model, rows)
    control = sorted(_explained(untrained(of, x, 0.0, 0), x))
    assert curve.verdict and f"{len(x)} controls have a median of {control[len(x) // 2]:.3g}" in curve.verdict.reason


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One data folder for the trainings on the embedded models."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIEUTIC_HOME", str(folder))
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_is_taken_by_the_other_tools(
    architecture: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIEUTIC_HOME", str(home))
    model = target.load("em-03" if "crosscoder" in architecture else "base@1")
    curve = train_dictionary.call(model, SMALL | {"architecture": architecture, "name": architecture})
    assert isinstance(curve, Curve) and curve.provenance and curve.verdict and curve.verdict.status == "supported"
    assert f"Training {architecture!r}, {architecture} with" in as_text(curve)
    learnt, held_out, control = (line.values for line in curve.lines)
    assert held_out[-1] < 0.5 and held_out[-1] < control[-1] - 0.2 and learnt[-1] < 0.5
    assert bool(load(architecture, model).sources) == ("crosscoder" in architecture)
    assert len(load(architecture, model).groups) == (5 if architecture == "matryoshka" else 0)
    for reference in (architecture, curve.provenance.id):
        prompts = ["what should i do about a fever?", "what should i do about a cold?"]
        heat = sae_features.call(model, {"prompts": prompts, "dictionary": reference, "chat": True})
        feature = int(heat.rows[0].split()[1])
        table = sae_lookup.call(model, {"feature": feature, "dictionary": reference})
        assert sum(row[0] == "context" for row in table.rows) > 0
        steered = sae_steer.call(
            model, {"feature": feature, "prompts": prompts[:1], "dictionary": reference, "strength": 1.0, "draws": 8}
        )
        assert steered.verdict and steered.provenance and curve.artifacts[0] in steered.provenance.used


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_very_same_dictionary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SMALL | {"steps": 160, "name": "mine"}
    with Stopping("training, step") as told, pytest.raises(Cancelled):
        train_dictionary.call("base@1", given)
    (kept,) = (data_home() / "dictionaries" / ".unfinished").iterdir()
    assert (kept / "out" / "going_on.safetensors").exists() and artifacts.names("dictionary") == []
    stopped = len(told)
    with Stopping("nothing") as more:
        on = train_dictionary.call("base@1", given)
    first = next(int(what.split()[2]) for what in more if what.startswith("training, step"))
    assert stopped and first > 50, "it began anew"
    monkeypatch.setenv("MAIEUTIC_HOME", str(tmp_path / "other"))
    assert train_dictionary.call("base@1", given).artifacts == on.artifacts, "a break left a trace"
