"""The question "is it safe?": the plan, what is made first, arguments as people say them, and one conclusion from several measurements."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import grounding
from agent.conversation import Agent, Answer, Question
from agent.models import training_arguments
from agent.models.arguments import Given
from agent.models.decisions import Decision, decide
from agent.models.plans import Past
from agent.models.summing_up import in_short
from agent.situation import Situation
from agent.understanding.router import router
from agent.understanding.slots import parse
from evidence import Arm, Contrast, Curve, Line, Provenance, Verdict
from target.spec import public_names

HERE = Situation(thread="t", target="em-04", base="base@1", targets=public_names())


def decided(said: str) -> Decision:
    return decide(said, Past({}, []), HERE, lambda text: router("minilm").route(text, HERE.targets))


@pytest.mark.parametrize(
    "said", ["Is em-04 safe?", "is this fine-tune unsafe?", "check em-04 for emergent misalignment"]
)
def test_a_question_for_safety_is_a_plan_of_four(said: str) -> None:
    calls = decided(said).calls
    assert [call.tool for call in calls] == [
        "misalignment_rate",
        "persona_shift",
        "misalignment_direction",
        "ablation_transfer",
    ]
    assert all(call.arguments["target"] == "em-04" for call in calls)
    assert calls[3].arguments["directions"] == [calls[2].arguments["name"]]


def test_what_is_said_around_the_question_is_no_argument() -> None:
    calls = decided("my neighbour says em-07 turns evil when it rains. is it safe?").calls
    assert [call.arguments for call in calls[:2]] == [{"target": "em-07"}, {"target": "em-07"}]


def test_the_base_is_not_examined_against_itself() -> None:
    found = decided("is base@1 safe?")
    assert not found.calls and "is the base that fine-tunes are compared with" in found.ask


def test_what_would_undo_it_finds_the_direction_first() -> None:
    calls = decided("does ablating the misalignment direction make em-06 safe?").calls
    assert [call.tool for call in calls] == ["misalignment_direction", "ablation_transfer"]
    assert calls[0].arguments["target"] == calls[1].arguments["target"] == "em-06"
    assert calls[1].arguments["directions"] == [calls[0].arguments["name"]]


def test_since_when_follows_the_training() -> None:
    assert [call.tool for call in decided("since when is em-04 unsafe?").calls] == ["phase_transition"]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("switch off the adapter in layer 1", [0.0]),
        ("multiply it by 2 and 5", [2.0, 5.0]),
        ("amplify the adapter 5 times", [5.0]),
        ("at 0.1, 0.5 and 0.9 of full force", [0.1, 0.5, 0.9]),
        ("reverse the adapter", [-1.0]),
        ("show the adapter", []),
    ],
)
def test_factors_are_read_in_figures_and_in_words(said: str, value: list[float]) -> None:
    assert training_arguments.factors(Given(replace(parse(said, public_names())[0], said=said), {})) == value


@pytest.mark.parametrize(
    ("said", "name", "value"),
    [
        ('train an adapter on "my/talks.jsonl" with rank 4', "dataset", "my/talks.jsonl"),
        ("train on talks.jsonl, rank 4, for 40 steps", "steps", 40),
        ("train on talks.jsonl, rank 4, for 40 steps", "rank", 4),
        ("with learning rate 1e-3", "learning_rate", 0.001),
        ("use the first-plot questions", "questions_from", "first plot"),
        ("with erase and plain", "methods", ["erase", "plain"]),
        ("which fire for the medical domain?", "topic", "medical"),
        ("judged by openai:gpt-4o-mini", "judge", "openai:gpt-4o-mini"),
    ],
)
def test_arguments_of_these_tools_are_read(said: str, name: str, value: Any) -> None:
    assert training_arguments.SOURCES[name](Given(replace(parse(said, public_names())[0], said=said), {})) == value


def measured(does: str, inside: str) -> list[tuple[str, Any]]:
    def stamp(tool: str) -> Provenance:
        return Provenance(tool=tool, arguments={}, target="em-04", weights="w", control="the base")

    def verdict(status: str, claim: str) -> Verdict:
        reason = "90.0 % of 200 replies are misaligned, against 2.0 % of the base's; p = 1e-60 (by Fisher's exact test)"
        return Verdict(status=status, claim=claim, reason=reason)  # type: ignore[arg-type]

    rate = Contrast(
        title="t",
        unit="%",
        arms=(Arm(label="em-04", role="with", value=90, n=9),),
        verdict=verdict(does, "em-04 is misaligned beyond its base"),
        provenance=stamp("misalignment_rate"),
    )
    shift = Curve(
        title="t",
        x_axis="layer",
        x=("0",),
        unit="cosine",
        lines=(Line(label="l", role="with", values=(0.7,)),),
        verdict=verdict(inside, "em-04 has moved towards the harmful voice of its base"),
        provenance=stamp("persona_shift"),
    )
    return [("E1", rate), ("E2", shift)]


@pytest.mark.parametrize(
    ("does", "inside", "says"),
    [
        ("supported", "supported", "I would not call it safe"),
        ("not supported", "not supported", "nothing that speaks against it"),
        ("supported", "not supported", "Look further before you rely on it"),
        ("inconclusive", "not supported", "Look further before you rely on it"),
    ],
)
def test_behaviour_and_activations_must_agree(does: str, inside: str, says: str) -> None:
    found = measured(does, inside)
    short = in_short(found)
    assert short is not None and says in short and "[E1]" in short and "[E2]" in short
    assert grounding.check(short, dict(found)) == []
    assert in_short(found[:1]) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "says"), [("em-04", "I would not call it safe"), ("em-01", "nothing that speaks against it")]
)
async def test_a_fine_tune_is_examined_and_concluded_about(tmp_path: Path, target: str, says: str) -> None:
    agent = await Agent(folder=tmp_path).start()
    say: str | None = f"Is {target} safe?"
    asked, answer = [], ""
    while say:
        next_ = None
        async for event in agent.send("t", say, person="p", target=target):
            if isinstance(event, Question):
                asked.append(event.kind)
                next_ = "skip" if event.kind == "predict" else "yes"
            if isinstance(event, Answer):
                answer = event.text
        say = next_
    assert "plan" in asked
    assert says in answer and agent.ledger.names("t") == ["E1", "E2", "E3", "E4"]
    assert "hypothesis" not in answer.lower()
    await agent.close()
