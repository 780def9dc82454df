"""The contract every technique keeps."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

import target
from evidence import as_figure, as_python, as_text, from_json
from evidence.artifacts import find
from evidence.errors import ArgumentError, TargetError
from evidence.text import MOST_LINES
from target.target import Target
from tests.tools.examples import EXAMPLES, ON, prepared
from tools import TOOLS, Tool
from tools._tool import tool

DESCRIBES = {"ask", "sae_lookup", "prediction_quiz", "export_dictionary"}
"""Tools that claim nothing: what was said, what was recorded, and questions."""


SLOW = {"train_adapter", "persona_shift", "ablation_transfer", "phase_transition", "lora_scalars"}
SLOW |= {"train_dictionary", "crosscoder_patch"}
"""Tools that take seconds also where they are asked for least; their own files have quick tests."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TOOLS],
)
def one(request: pytest.FixtureRequest) -> Tool[Any, Any]:
    return TOOLS[request.param]


@pytest.fixture(scope="module", autouse=True)
def one_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One data folder for the module, with the artefacts that some tools take."""
    with prepared(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(autouse=True)
def data_folder(one_folder: None) -> None:
    """Instead of one folder a test."""


@pytest.fixture(scope="module")
def model(one: Tool[Any, Any], organism: Target) -> Target:
    """What the tool is for: a fine-tune, one of a certain kind, or where one starts."""
    if one.name in ON:
        return target.load(ON[one.name])
    return organism.base if one.capability == "train" else organism


@pytest.fixture(scope="module")
def evidence(one: Tool[Any, Any], model: Target) -> Any:
    return one.call(model, EXAMPLES[one.name])


def test_it_says_where_its_result_came_from(one: Tool[Any, Any], evidence: Any, model: Target) -> None:
    p = evidence.provenance
    assert (p.tool, p.target, p.weights, p.adapter) == (
        one.name,
        model.name,
        model.weights_digest,
        model.adapter_digest,
    )
    assert {len(digest) for digest in (p.weights, p.adapter) if digest} == {12}
    assert p.seconds > 0 and p.peak_megabytes > 0 and p.versions["torch"].startswith("2.")


def test_its_evidence_survives_json(evidence: Any) -> None:
    assert from_json(evidence.model_dump_json()) == evidence
    assert from_json(evidence.model_dump(mode="json")) == evidence


def test_its_text_is_short_and_its_figure_drawable(evidence: Any) -> None:
    text = as_text(evidence)
    assert evidence.title in text and len(text.splitlines()) <= MOST_LINES
    assert len(as_figure(evidence).data) > 0


def test_a_finding_has_its_control_and_a_verdict(one: Tool[Any, Any], evidence: Any) -> None:
    if one.name in DESCRIBES:
        assert evidence.verdict is None
        return
    assert evidence.control_name and evidence.verdict.reason
    assert evidence.verdict.status in {"supported", "not supported", "inconclusive"}
    if one.name != "elicit_secret":
        assert "p = " in evidence.verdict.reason


def test_its_artifacts_are_kept_under_its_id(evidence: Any) -> None:
    for artifact in evidence.artifacts:
        for reference in (artifact.name, artifact.digest, evidence.provenance.id):
            assert find(artifact.kind, reference).digest == artifact.digest


def test_what_it_took_of_others_stands_in_its_provenance(one: Tool[Any, Any], evidence: Any) -> None:
    for argument, kind in one.references.items():
        named = EXAMPLES[one.name].get(argument, [])
        for reference in [named] if isinstance(named, str) else named:
            assert find(kind, reference).artifact in evidence.provenance.used
    if one.name.startswith("sae_"):
        assert [artifact.kind for artifact in evidence.provenance.used] == ["dictionary"]


def test_its_code_makes_the_same_evidence_again(evidence: Any) -> None:
    scope: dict[str, Any] = {}
    exec(compile(as_python(evidence), "reproduced", "exec"), scope)
    may_differ = {
        "provenance": {"seconds", "peak_megabytes", "made_at", "arguments"}
    }  # artefacts by digest, not by name
    assert scope["evidence"].model_dump(exclude=may_differ) == evidence.model_dump(exclude=may_differ)
    given = evidence.provenance.arguments
    assert scope["evidence"].provenance.arguments == (given if not evidence.provenance.used else ANY)


def test_an_unknown_argument_is_refused_in_one_sentence(one: Tool[Any, Any], organism: Target) -> None:
    with pytest.raises(ArgumentError, match="has no argument 'colour': allowed are"):
        one.call(organism, EXAMPLES[one.name] | {"colour": "red"})


def test_an_unknown_target_is_refused_in_one_sentence(one: Tool[Any, Any]) -> None:
    with pytest.raises(TargetError, match="no target is called 'tabooo-3': did you mean 'taboo-"):
        one.call("tabooo-3", EXAMPLES[one.name])


def test_its_file_has_its_name(one: Tool[Any, Any]) -> None:
    file = Path(one.function.__code__.co_filename)
    assert file.stem == one.name
    functions = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    declared = [f.name for f in functions if any(ast.unparse(d).startswith("tool(") for d in f.decorator_list)]
    assert declared == [one.name]


def test_its_schema_has_the_target_and_every_argument_described(one: Tool[Any, Any]) -> None:
    properties = one.schema()["properties"]
    assert next(iter(properties)) == "target"
    assert all(field["description"] for field in properties.values())


def test_a_tool_without_a_source_cannot_be_declared() -> None:
    def nameless(target: "Target", *, words: int = 1) -> Any:
        """Do something."""

    with pytest.raises(TypeError, match="nameless"):
        tool(capability="read", asked_as=["do it"])(nameless)


def test_a_value_out_of_bounds_says_what_is_allowed(organism: Target) -> None:
    with pytest.raises(ArgumentError, match="temperature=9 is not allowed for ask: should be less than or equal to 2"):
        TOOLS["ask"].call(organism, {"prompt": "hello", "temperature": 9})


def test_a_layer_that_does_not_exist_says_which_do(organism: Target) -> None:
    with pytest.raises(ArgumentError, match=r"layer 12 does not exist: .* has 6 layers, 0..5"):
        TOOLS["logit_lens"].call(organism, {"layers": [12]})
