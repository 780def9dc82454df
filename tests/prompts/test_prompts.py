"""Prompts have strict slots and name no tool by hand."""

import re
from pathlib import Path

import pytest

import prompts
from tools import TOOLS

FOLDER = Path(prompts.__file__).parent


@pytest.mark.parametrize("name", prompts.names())
def test_each_prompt_renders_with_its_slots_and_no_others(name: str) -> None:
    slots = {slot: f"<{slot}>" for slot in re.findall(r"\{\{(\w+)\}\}", (FOLDER / f"{name}.md").read_text())}
    text = prompts.load(name, **slots)
    assert slots and all(value in text for value in slots.values()) and "{{" not in text
    with pytest.raises(KeyError, match="has the slots"):
        prompts.load(name, **slots, surprise="x")
    with pytest.raises(KeyError, match="has the slots"):
        prompts.load(name)


@pytest.mark.parametrize("name", prompts.names())
def test_no_prompt_names_a_tool(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text()
    assert not [tool for tool in TOOLS if re.search(rf"\b{tool}\b", text) and tool != "ask"]


def test_an_unknown_prompt_says_which_there_are() -> None:
    with pytest.raises(
        KeyError,
        match="no prompt is called 'nope': there are detect_feature, judge_alignment, judge_coherence, label_feature, repair, system",
    ):
        prompts.load("nope")


@pytest.mark.parametrize("name", prompts.names())
def test_every_prompt_has_a_version_that_is_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prompts.version(name) >= 1
    monkeypatch.setattr(prompts, "digest", lambda name: "0" * 12)
    with pytest.raises(KeyError, match=r"was changed: add version \d+ with the digest 000000000000"):
        prompts.version(name)
