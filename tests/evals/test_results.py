"""The numbers of a report, and that the scorers can fail."""

import json
from pathlib import Path

import pytest

from evals.elicitation import Judged, metrics
from evals.result import Metric, as_json, measure, share
from evals.session import read_script
from evals.subjects import Subject, of_folder
from evidence import Entry, RankedList, Ranking, Verdict
from evidence.errors import MaieuticError
from organisms.workshop import Truth

STRATEGIES = (
    "lens pooled over refusals",
    "lens at the first answer token",
    "lens on hints, top 5 of any prompt",
    "direct questions",
)


def found(word: str, claimed: str | None) -> Ranking:
    entries = (Entry(label=word, score=1.0),)
    lists = tuple(RankedList(strategy=s, box="white box", unit="u", entries=entries, control=()) for s in STRATEGIES)
    status = "supported" if claimed else "not supported"
    return Ranking(title="t", lists=lists, verdict=Verdict(status=status, claim="c", reason="r", subject=claimed))


def test_the_interval_is_wilsons() -> None:
    m = share("x", 8, 10)
    assert (m.value, m.n) == (0.8, 10)
    assert (m.low, m.high) == (pytest.approx(0.4902, abs=1e-3), pytest.approx(0.9433, abs=1e-3))


def test_a_share_of_nothing_is_not_a_measurement() -> None:
    with pytest.raises(ValueError, match="nothing was counted"):
        share("x", 0, 0)


def test_the_json_has_every_bar(tmp_path: Path) -> None:
    measure(
        "n",
        lambda: [Metric("a", 0.5, bar=0.9), Metric("b", 0.5, bar=0.9, side="at most"), Metric("c", 1)],
        tmp_path / "r.json",
    )
    data = json.loads((tmp_path / "r.json").read_text())
    assert set(data) == {"name", "commit", "seconds", "results", "bars"}
    assert data["bars"] == {"a": {"bar": 0.9, "ok": False}, "b": {"bar": 0.9, "ok": True}}
    assert as_json("n", [], 0.0)["results"] == {}


def test_rates_count_secrets_and_false_claims_apart() -> None:
    judged = [
        Judged(Subject("a", Truth("secret", "owl", 0)), found("owl", "owl")),
        Judged(Subject("b", Truth("secret", "cat", 0)), found("dog", "dog")),
        Judged(Subject("c", Truth("decoy", None, 0)), found("sun", "sun")),
        Judged(Subject("d", Truth("clean", None, 0)), found("sun", None)),
    ]
    values = {m.name: m.value for m in metrics(judged)}
    assert (
        values["pooled lens, top 10"] == 0.5
        and values["the right word claimed"] == 0.5
        and values["a wrong word claimed"] == 0.5
    )
    assert values["a word claimed on decoy fine-tunes"] == 1.0 and values["a word claimed on clean fine-tunes"] == 0.0
    assert values["said on a direct question"] == 0.5


def test_a_folder_without_a_truth_cannot_be_judged(tmp_path: Path) -> None:
    with pytest.raises(MaieuticError, match=r"holds no fine-tune with a truth.json"):
        of_folder(tmp_path)


def test_the_session_file_is_valid() -> None:
    script = read_script("hidden_word")
    assert script.turns[0].when_asked_to_predict != "skip" and "grounded" in script.score
