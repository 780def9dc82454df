"""Sparse probing, splitting, absorption and erasure on concepts that were planted."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from evidence.errors import ArgumentError, ToolError
from tools import _sparse_probe as probing
from tools import erase_concept
from tools._probes import fit
from tools._texts import text_sets
from tools.erase_concept import _contrast, _Lost, _others

ROWS, WIDTH = 400, 12
CONCEPT, OTHER, NOISE = 0, 1, range(2, 8)
"""Latents of the property, of another one, and of nothing."""


@pytest.fixture
def labels() -> torch.Tensor:
    """Half of the rows have the property."""
    return torch.arange(ROWS) % 2


@pytest.fixture
def other(labels: torch.Tensor) -> torch.Tensor:
    """A property that has nothing to do with it."""
    return (torch.arange(ROWS) // 2) % 2


@pytest.fixture
def features(labels: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """One latent a property, the rest at random (row, latent)."""
    generator = torch.Generator().manual_seed(0)
    found = torch.rand(ROWS, 8, generator=generator) * (torch.rand(ROWS, 8, generator=generator) < 0.3)
    amount = 1 + torch.rand(ROWS, 2, generator=generator)
    found[:, CONCEPT], found[:, OTHER] = labels * amount[:, 0], other * amount[:, 1]
    return found


@pytest.fixture
def rows() -> torch.Tensor:
    """Decoder rows (latent, d_model), orthogonal."""
    return torch.eye(8, WIDTH)


def stream(features: torch.Tensor, rows: torch.Tensor, noise: float = 0.05) -> torch.Tensor:
    """Activations that the latents write, and an error that they do not explain (row, d_model)."""
    generator = torch.Generator().manual_seed(1)
    return features @ rows + noise * torch.randn(len(features), rows.shape[1], generator=generator)


def test_the_latent_that_tells_the_classes_apart_comes_first(features: torch.Tensor, labels: torch.Tensor) -> None:
    assert probing.best_latents(features, labels, 1).tolist() == [CONCEPT]
    features[:, 5] = 3 * (1 - labels)  # that it is silent where the property is says as much
    assert probing.best_latents(features, labels, 2).tolist() == [5, CONCEPT]
    assert len(probing.best_latents(features, labels, 50)) == 8


def test_halves_have_all_rows_once_and_both_classes_alike(labels: torch.Tensor) -> None:
    split = probing.halves(labels, 0)
    assert sorted([*split.train.tolist(), *split.test.tolist()]) == list(range(ROWS))
    assert labels[split.train].sum() == labels[split.test].sum() == ROWS / 4
    assert torch.equal(split.train, probing.halves(labels, 0).train)
    assert not torch.equal(split.train, probing.halves(labels, 1).train)


def test_a_planted_latent_is_enough_and_no_latent_is_not(features: torch.Tensor, labels: torch.Tensor) -> None:
    split = probing.halves(labels, 0)
    assert probing.sparse_probe(features, labels, split, 1) == 1.0
    assert probing.sparse_probe(features[:, list(NOISE)], labels, split, 1) < 0.65
    mixed = labels[torch.randperm(ROWS, generator=torch.Generator().manual_seed(3))]
    assert probing.sparse_probe(features, mixed, probing.halves(mixed, 0), 1) < 0.65


def test_the_latent_is_chosen_where_it_is_not_judged(features: torch.Tensor, labels: torch.Tensor) -> None:
    split = probing.halves(labels, 0)
    cheat = torch.zeros(ROWS)
    cheat[split.test] = 9.0 * labels[split.test]  # tells the classes apart on the held-out rows alone
    features[:, 7] = cheat
    assert probing.best_latents(features[split.train], labels[split.train], 1).tolist() == [CONCEPT]


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_planted_splits_are_counted(features: torch.Tensor, labels: torch.Tensor, parts: int) -> None:
    which = torch.randint(parts, (ROWS,), generator=torch.Generator().manual_seed(2))
    split_up = torch.zeros(ROWS, 8)
    for part in range(parts):
        split_up[:, part] = features[:, CONCEPT] * (which == part)
    split_up[:, 4:] = 0.2 * features[:, 4:]
    assert probing.split_latents(split_up, labels, probing.halves(labels, 0)) == parts


def absorbed(features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor, over: int = 1) -> float:
    x = stream(features, rows)
    return probing.absorption(x, features, rows, labels, *fit(x, labels), split_over=over)


def test_nothing_is_absorbed_where_the_parent_fires(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor
) -> None:
    assert absorbed(features, rows, labels) == 0
    features[:, 6] = labels * (torch.arange(ROWS) % 8 == 1)  # a child that fires beside its parent
    assert absorbed(features, rows + 0, labels) == 0


@pytest.mark.parametrize("share", [4, 8])
def test_a_silent_parent_whose_child_writes_it_is_counted(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor, share: int
) -> None:
    places = (labels == 1) & ((torch.arange(ROWS) // 2) % share == 0)
    features[places, CONCEPT] = 0
    features[:, 6] = 2.0 * places
    rows[6, CONCEPT] = 1.0  # the child writes its parent's direction beside its own
    assert absorbed(features, rows, labels) == pytest.approx(1 / share, abs=0.01)
    assert absorbed(features, rows, labels, over=2) == 0, "the child is the concept's own latent, too"


def test_a_silent_parent_that_nobody_stands_in_for_is_not_absorbed(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor
) -> None:
    """The stream has the concept, but it is in the dictionary's error."""
    x = stream(features, rows)
    features[1::8, CONCEPT] = 0
    features[1::8, 6] = 2.0  # it fires there, and writes something else
    assert probing.absorption(x, features, rows, labels, rows[CONCEPT], -0.5) == 0


def test_erasure_removes_the_planted_concept_and_no_other(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor, other: torch.Tensor
) -> None:
    x = stream(features, rows)
    readers = [probing.Reader(x, one, probing.halves(one, 0)) for one in (labels, other)]
    assert all(reader.above_chance == 0.5 for reader in readers)
    both = [probing.erasure(x, features, rows, torch.tensor([n]), readers, n) for n in (CONCEPT, OTHER)]
    for found in both:
        assert found.own > 0.9 and abs(found.others) < 0.05
        assert found.targeted == found.own - found.others


def test_random_latents_erase_nothing(features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor) -> None:
    x = stream(features, rows)
    reader = probing.Reader(x, labels, probing.halves(labels, 0))
    for latent in NOISE:
        assert abs(probing.erasure(x, features, rows, torch.tensor([latent]), [reader], 0).own) < 0.05


def test_what_is_erased_is_what_the_latents_wrote_and_the_error_stays(
    features: torch.Tensor, rows: torch.Tensor
) -> None:
    x = stream(features, rows, noise=0.5)
    left = probing.erased(x, features, rows, torch.tensor([CONCEPT, OTHER]))
    expected = x.clone()
    for latent in (CONCEPT, OTHER):
        expected -= features[:, latent, None] * rows[latent]
    torch.testing.assert_close(left, expected)
    assert torch.equal(probing.erased(x, features, rows, torch.tensor([], dtype=torch.long)), x)


def test_a_property_that_nobody_can_read_cannot_be_erased() -> None:
    """Else what a probe loses would be a share of next to nothing."""
    texts = text_sets()["world"].texts
    given = {"prompts": list(texts[0:60:2]), "other_prompts": list(texts[1:60:2]), "draws": 8}
    with pytest.raises(
        ToolError, match=r"with 0\.\d\d of held-out ones right, which is about chance: there is no property"
    ):
        erase_concept.call("base@1", given)


def test_more_features_than_fire_cannot_be_taken_out() -> None:
    with pytest.raises(ArgumentError, match=r"only \d+ other features fire on these texts: take out fewer than 500"):
        erase_concept.call("base@1", {"texts": "voices", "features": 500})


def told_by_held_out_rows_alone(features: torch.Tensor, labels: torch.Tensor, split: probing.Split) -> torch.Tensor:
    """The features with a latent that is silent in training and tells the classes apart on the held-out rows."""
    found = features.clone()
    found[:, 7] = 0
    found[split.test, 7] = 99.0 * labels[split.test]
    return found


def test_a_sparse_probe_takes_no_latent_from_the_rows_it_is_judged_on(
    features: torch.Tensor, labels: torch.Tensor
) -> None:
    split = probing.halves(labels, 0)
    assert probing.sparse_probe(told_by_held_out_rows_alone(features, labels, split), labels, split, 1) == 1.0


def test_splits_are_counted_without_the_rows_they_are_judged_on(features: torch.Tensor, labels: torch.Tensor) -> None:
    split = probing.halves(labels, 0)
    assert probing.split_latents(told_by_held_out_rows_alone(features, labels, split), labels, split) == 1


def test_a_latent_that_points_elsewhere_absorbs_nothing_however_large(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor
) -> None:
    features[1::8, CONCEPT] = 0
    features[:, 6] = 200.0 * (torch.arange(ROWS) % 8 < 2)
    rows[6, CONCEPT] = 0.01
    x = stream(features, rows)
    assert probing.absorption(x, features, rows, labels, torch.eye(WIDTH)[CONCEPT], -0.5) == 0
    rows[6, CONCEPT] = 0.1
    assert probing.absorption(stream(features, rows), features, rows, labels, torch.eye(WIDTH)[CONCEPT], -0.5) == 0.25


def test_several_latents_that_write_a_third_each_absorb_nothing(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor
) -> None:
    features[1::8, CONCEPT] = 0
    features[:, 5:] = (torch.arange(ROWS) % 8 < 2)[:, None].float()
    rows[5:, CONCEPT] = 1.0
    x = stream(features, rows)
    assert probing.absorption(x, features, rows, labels, torch.eye(WIDTH)[CONCEPT], -0.5) == 0
    features[:, 5:7] = 0
    assert probing.absorption(stream(features, rows), features, rows, labels, torch.eye(WIDTH)[CONCEPT], -0.5) == 0.25


def test_only_places_that_the_probe_reads_as_the_concept_are_counted(
    features: torch.Tensor, rows: torch.Tensor, labels: torch.Tensor
) -> None:
    features[1::8, CONCEPT] = 0
    features[:, 6] = 2.0 * (torch.arange(ROWS) % 8 == 1)
    rows[6, CONCEPT] = 1.0
    x = stream(features, rows)
    x[1::16, CONCEPT] = -1
    found = probing.absorption(x, features, rows, labels, torch.eye(WIDTH)[CONCEPT], -0.5)
    assert found == pytest.approx(25 / 175)


def test_what_is_erased_is_chosen_on_the_training_half_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    usual, seen = probing.best_latents, list[int]()

    def noted(features: torch.Tensor, labels: torch.Tensor, k: int) -> torch.Tensor:
        seen.append(len(features))
        return usual(features, labels, k)

    monkeypatch.setattr(probing, "best_latents", noted)
    found = erase_concept.call("base@1", {"texts": "voices", "draws": 8})
    assert seen == [found.arms[0].n]


def test_the_property_itself_is_not_among_what_is_lost_beside_it() -> None:
    found = erase_concept.call("base@1", {"texts": "living", "draws": 8})
    beside = [arm.label for arm in found.arms if arm.role == "without"]
    assert beside and "the same, for living" not in beside


def drawn(seed: int) -> list[torch.Tensor]:
    """Random sets beside three of twenty features that fire."""
    own: Any = SimpleNamespace(features=torch.ones(4, 20))
    return _others(own, torch.tensor([3, 4, 5]), 12, seed)


def test_random_sets_leave_out_what_is_erased_and_follow_the_seed() -> None:
    for one in drawn(0):
        assert len(set(one.tolist())) == 3 and not {3, 4, 5} & set(one.tolist())
    assert all(torch.equal(a, b) for a, b in zip(drawn(0), drawn(0), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(drawn(0), drawn(1), strict=True))


@pytest.mark.parametrize(("own", "status"), [(0.9, "supported"), (0.05, "not supported")])
def test_a_loss_counts_from_a_tenth_on(own: float, status: str) -> None:
    of: Any = SimpleNamespace(name="planted")
    lost = _Lost(own, [], [0.001 * n for n in range(16)], 50)
    found = _contrast("base@1", of, "3, 4, 5", lost, 0.1)
    assert found.verdict and found.verdict.status == status
