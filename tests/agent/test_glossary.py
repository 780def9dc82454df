"""What the guide explains."""

import pytest

from agent.explanations import ours
from agent.learner.inventory import concepts
from agent.models.glossary import entries, explained


@pytest.mark.parametrize(
    ("asked", "terms"),
    [
        ("what is a probe?", ["**probe**"]),
        ("explain the tuned lens", ["**tuned lens**"]),
        ("what's the difference between mean ablation and zero ablation?", ["**ablate a component**"]),
        ("how do steering and patching differ?", ["**Steering**", "**Activation patching**"]),
        ("what does 'inconclusive' mean", ["**verdict**"]),
        ("define attention heads for a layperson", ["**attention head**"]),
        ("what is a LoRA?", ["**LoRA adapter**"]),
    ],
)
def test_a_term_is_explained_by_its_own_entry_alone(asked: str, terms: list[str]) -> None:
    found = explained(asked)
    assert all(term in found for term in terms) and found.count("\n\n") == len(terms) - 1


def test_an_unknown_term_says_which_are_known() -> None:
    assert "I can explain: tuned lens, logit lens" in explained("what is a quark?")


def test_every_term_leads_to_its_entry() -> None:
    for entry in entries():
        for term in entry.terms:
            assert explained(f"what is a {term}?").startswith(entry.text[:20]), term


def test_what_the_glossary_says_is_known_as_ours_and_nothing_else_is() -> None:
    assert ours("1 only in the model under study, 0.5 in both alike (*shared*), 0 only in the other;".rstrip(";"))
    assert ours(next(iter(concepts().values())).explained["expert"][:60])
    assert not ours("Feature 469 has a decoder norm of 0.5.") and not ours("in both alike")
