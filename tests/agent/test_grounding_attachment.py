"""What a sentence says its numbers are of, and where it takes them from."""

import numpy as np
import pytest

from agent import grounding
from agent.grounding.attachment import features
from agent.grounding.binding import Cited
from agent.grounding.reading import read, sources
from evals.answers import attaching
from evals.answers.attaching import Denied
from evals.answers.ledger import ledger
from evals.answers.prose import Answer


def found(answer: str) -> list[str]:
    return [problem.what for problem in grounding.check(answer, ledger())]


def test_the_trees_are_scikit_learns() -> None:
    from sklearn.ensemble import RandomForestClassifier

    draw = np.random.default_rng(0)
    seen = draw.normal(size=(400, 5)).astype(np.float32)
    said = seen[:, 0] * seen[:, 1] > 0
    forest = attaching.fit([Denied(row, bool(label)) for row, label in zip(seen, said, strict=True)], seed=3)
    oracle = RandomForestClassifier(
        attaching.TREES, min_samples_leaf=attaching.LEAF, max_depth=attaching.DEPTH, random_state=3
    ).fit(seen, said)
    new = draw.normal(size=(50, 5)).astype(np.float32)
    assert forest(new) == pytest.approx(oracle.predict_proba(new)[:, 1], abs=1e-6)


def test_pairs_that_a_right_answer_denies_are_not_said_and_new_ones_of_a_spoiled_one_are() -> None:
    answer = Answer("w", "first", 'At "fox" it shows 8.78, at "is" 10 [E12].')
    held, (sentence,) = Cited({"E12": ledger()["E12"]}), read(answer.text)
    scene, pairs = held.denied(sentence)
    rows = attaching.denied(answer)
    right = [row.seen.tolist() for row in rows if not row.said]
    assert right == features(scene, pairs).tolist() != []
    (swapped,) = read('At "fox" it shows 10, at "is" 8.78 [E12].')
    crossed = features(*held.denied(swapped)).tolist()
    assert crossed and all(row in [one.seen.tolist() for one in rows if one.said] for row in crossed)
    assert attaching.denied(Answer("w", "first", "Nothing is measured here.")) == []


def test_numbers_written_the_other_way_round_are_not_mixed_up() -> None:
    assert found('The probe shows 8.78 at "fox", 10 at "is" [E12].') == []
    assert found('At "fox" the probe shows 8.78, at "is" 10 [E12].') == []
    assert "10: not of token “fox” in the evidence cited here" in found(
        'The probe shows 10 at "fox", 8.78 at "is" [E12].'
    )


def test_a_plain_statement_of_a_wrong_place_is_found_however_long_the_sentence() -> None:
    assert "0.995: not of layer “5” in the evidence cited here" in found(
        "For 'living' the separation, which is measured on texts that were kept aside, is 0.995 after layer 5 [E17]."
    )


def test_a_list_is_held_against_what_its_introduction_cites() -> None:
    listed = "Token by token [E12]:\n\n- fox: 8.78\n- is: {}"
    assert found(listed.format(10)) == []
    assert found(listed.format(11)) == ["11 is in no evidence cited here"]


def test_what_goes_on_after_a_citation_may_be_of_the_next_one() -> None:
    (first, second) = read("It peaks at 127 [E15], but on my two prompts it fires nowhere at all. So it is 0 [E16].")
    assert sources([first, second], first) == ("E15", "E16")
    assert sources([first, second], second) == ("E16",)
    (alone, _) = read("It peaks at 127 [E15]. So it is 0 [E16].")
    assert sources([alone, second], alone) == ("E15",)


def test_a_number_after_a_bare_comma_is_no_second_place() -> None:
    assert found('Loud on the fox sentence: feature 267, 176 on "a" [E14].') == []
    assert found("79 % comes back after layer 1, and 99 % at layer 0, 79 % at layer 1, where it is huge [E22].") == []


def test_a_fall_may_be_written_as_a_size() -> None:
    assert "5.61 is in no evidence cited here" not in found("Without that head it loses 5.61 nats [E24].")
    assert "5.61 is in no evidence cited here" in found("With that head it has 5.61 nats [E24].")


def test_a_claim_may_be_quoted_in_other_words_and_nobody_elses() -> None:
    said = 'So "gradient predicts patching" is not supported; r is -0.969, the best of 199 controls 0.18 [E23].'
    assert found(said) == []
    assert found('It replied "the gradient is a liar" [E23].') == [
        "“the gradient is a liar” is in no evidence cited here"
    ]


def test_an_interval_may_follow_its_share_and_its_count() -> None:
    assert found("In cooking 90.3 % of 31 (75.1 to 96.7) are misaligned [E35].") == []
    assert "96.7 to 75.1 is no interval in the evidence cited here" in found("Cooking: 90.3 % (96.7 to 75.1) [E35].")


def test_numbers_between_two_possessives_are_facts() -> None:
    held = Cited({"E36": ledger()["E36"]})
    assert {93.5, 97.0, 0.78} <= {fact.value for fact in held.facts}
