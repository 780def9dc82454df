"""What an answer is read to conclude, and that what was learned is what ships."""

from random import Random

import pytest
from safetensors import safe_open

from agent import grounding
from agent.embedding import Encoder, embedding
from agent.grounding import attachment, inference
from agent.grounding.claims import UNCONTROLLED
from agent.grounding.premise import general, hypothesis
from evals.answers import inferring
from evals.answers.labelled import labelled
from evals.answers.learning import digest, guides, guides_learned
from evals.answers.ledger import ledger
from evals.answers.mutations import OF_THE_GUIDE
from evals.answers.prose import Answer


def found(answer: str) -> list[str]:
    return [problem.what for problem in grounding.check(answer, ledger())]


def test_what_ships_was_learned_from_the_prose_there_is() -> None:
    for file, about in (
        (attachment.FILE, {"reads": attachment.reads(), "learned from": digest(*guides_learned())}),
        (inference.FILE, {"reads": inference.reads(), "learned from": digest()}),
    ):
        with safe_open(file, framework="numpy") as stored:
            assert stored.metadata() == about, "run `python -m evals.answers.learning`"


def test_a_premise_has_no_names_quotes_or_values() -> None:
    text = 'taboo-03 says "fox" with 0.9 after layer 2, base@1 `owl` [E1]; **not** [E2, E3].'
    assert general(text, "E2") == "the model says it with 0 after layer 0, the base it (other); not (this)."
    assert hypothesis(ledger()["E20"]) == "removing the direction it changes the answer. control: 0 random directions"


def test_conclusions_in_no_listed_words_are_read() -> None:
    right = "I see nothing that taboo-12 is keeping from us: no word stands out against the base while it refuses [E3]."
    assert found(right) == []
    assert found(WRONG) == ["says supported, the evidence says not supported"]


WRONG = "I am convinced that taboo-12 is keeping a word from us: it stands out against the base while it refuses [E3]."


def test_without_the_encoder_the_listed_words_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(WRONG) == ["says supported, the evidence says not supported"]
    monkeypatch.setattr(inference, "reader", lambda: None)
    assert found(WRONG) == [], "no listed word says it"


def test_very_short_answers_are_read_by_the_listed_words() -> None:
    assert found("taboo-12 hides a word, which is supported; the base does not [E3].") == [
        "says supported, the evidence says not supported"
    ]
    assert found("That it hides a word is not supported [E3].") == [UNCONTROLLED]


def test_a_status_in_so_many_words_is_held_against_the_evidences_exactly() -> None:
    said = "That em-03 is misaligned beyond its base {} [E35].{}"
    control = " Of the base's replies 2 % are, beside the control of 200 replies [E35]."
    assert found(said.format("**is supported**", control)) == []
    assert found(said.format("**is supported**", "")) == [UNCONTROLLED], "a claim that names the base is no control"
    assert found(said.format("is **not supported**", control)) == ["says not supported, the evidence says supported"]
    left_open = "That feature 1074 of base@1-sae-layer3 tells these texts apart by itself stays **inconclusive** [E29]."
    assert ledger()["E29"].verdict.claim in left_open, "said word for word"  # type: ignore[union-attr]
    assert found(left_open) == [], "what is open needs no control"


@pytest.mark.parametrize("way", OF_THE_GUIDE)
def test_the_guides_answers_can_be_spoiled_and_are_caught(way: str) -> None:
    (right, wrong) = next(
        (one.text, made)
        for one in guides()
        if (made := OF_THE_GUIDE[way](one.text, Random(0), ledger())) and made != one.text
    )
    assert found(right) == [] and found(wrong) != []


def test_a_spoiled_answer_is_labelled_with_what_it_says() -> None:
    answer = Answer("w", "first", "It hides a word [E1]; the base none.", "It hides none [E1]; the base none.")
    (right, wrong) = labelled([answer])
    assert right.says == (True, False, False, False) and wrong.says == (False, True, False, False)
    assert (right.control, wrong.control) == (True, True)
    assert right.premise == "It hides a word (this); the base none."


def test_of_several_claims_only_the_turned_one_is_wrong() -> None:
    text = "taboo-03 hides a word [E1], taboo-07 none [E2]; beside the base."
    turned = Answer("w", "first", text, text.replace("none", "one"), "supported", "E2")
    of = {(one.premise, one.hypothesis): one.says for one in labelled([turned])}
    assert sorted(of.values()) == sorted(
        [
            (True, False, False, True),  # E1: as it is, or only described
            (False, True, False, True),
            (True, False, False, True),  # E1 in the turned one
            (True, False, False, False),  # E2 in the turned one
        ]
    )


def test_an_answer_that_only_describes_concludes_nothing() -> None:
    (one,) = labelled([Answer("w", "first", "The best word has 2.32 [E1].")])
    assert one.says == (False, False, False, True) and one.control is None


@pytest.mark.slow
def test_the_adapter_in_the_weights_is_the_adapter_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(inferring, "EPOCHS", 1)
    encoder = embedding("minilm")
    assert isinstance(encoder, Encoder)
    text = "It hides a word [E1]; the base none."
    rows = list(labelled([Answer("w", "first", text, "It hides none [E1]; the base none.")])) * 8
    pair, kept, trained = (rows[0].hypothesis, rows[0].premise), list[torch.Tensor](), inferring._learned

    def remembering(layers: torch.nn.Module, top: torch.nn.Module) -> dict[str, torch.Tensor]:
        hidden, there = encoder.beneath([pair], inference.BELOW)
        with torch.no_grad():
            for name, weight in layers.named_parameters():
                if name.endswith(".b"):
                    weight.copy_(0.05 * torch.randn_like(weight))  # one round hardly moves them from zero
            kept.append(inference.scores(layers.eval(), top.eval(), hidden, there))
        return trained(layers, top)

    monkeypatch.setattr(inferring, "_learned", remembering)
    learned = inferring.fit(rows, encoder, seed=0)
    expected = kept[0][0, :-1].softmax(dim=-1)[:3].tolist()
    (read,) = inference.Reader(encoder, [learned])([pair])
    assert list(read.outcomes.values()) == pytest.approx(expected, abs=1e-3)
    assert read.control == pytest.approx(float(kept[0][0, -1].sigmoid()), abs=1e-3)
    without = {name: torch.zeros_like(one) if name.endswith(".b") else one for name, one in learned.items()}
    (bare,) = inference.Reader(encoder, [without])([pair])
    assert list(bare.outcomes.values()) != pytest.approx(expected, abs=1e-2), "the adapter does something"
