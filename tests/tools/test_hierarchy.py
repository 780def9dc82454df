"""A tree of latents that was planted is found, and none where nothing was."""

import pytest
import torch

from tools._hierarchy import LEAST_FIRED, Together, tree

ROWS, GROUPS = 4000, (2, 2, 4)
PARENT_OF = {4: 0, 5: 0, 6: 1, 7: 1}


@pytest.fixture
def features() -> torch.Tensor:
    """Two parents, two latents that have to do with nothing, and two children of each parent that exclude each other."""
    generator = torch.Generator().manual_seed(0)
    fires = torch.rand(ROWS, 8, generator=generator) < 0.15
    which = torch.rand(ROWS, generator=generator)
    for child, parent in PARENT_OF.items():
        low = 0.3 * (child % 2)
        fires[:, child] = fires[:, parent] & (which >= low) & (which < low + 0.3)
    return fires * (0.5 + torch.rand(ROWS, 8, generator=generator))


@pytest.fixture
def rows() -> torch.Tensor:
    """Decoder rows (latent, d_model); a child's is partly its parent's."""
    found = torch.eye(8)
    for child, parent in PARENT_OF.items():
        found[child] += found[parent]
    return 3 * found


def counted(features: torch.Tensor, batch: int = 700) -> Together:
    together = Together(features.shape[1])
    for some in features.split(batch):
        together.add(some)
    return together


def test_planted_parents_are_found(features: torch.Tensor, rows: torch.Tensor) -> None:
    links = tree(counted(features), GROUPS, rows)
    assert {link.child: link.parent for link in links} == PARENT_OF
    density = (features > 0).float().mean(0)
    for link in links:
        assert link.contained == 1 and link.cosine == pytest.approx(0.5**0.5)
        assert link.lift == pytest.approx(1 / float(density[link.parent]), rel=1e-5)


def test_shuffled_data_have_no_parents(features: torch.Tensor, rows: torch.Tensor) -> None:
    generator = torch.Generator().manual_seed(1)
    mixed = torch.stack([one[torch.randperm(ROWS, generator=generator)] for one in features.T], 1)
    assert tree(counted(mixed), GROUPS, rows) == []


def test_counts_are_those_of_one_batch(features: torch.Tensor) -> None:
    one, many = counted(features, ROWS), counted(features, 7)
    assert torch.equal(one.both, many.both) and one.seen == many.seen == ROWS
    assert torch.equal(one.fired, (features > 0).sum(0).float())
    assert one.both[4, 0] == ((features[:, 4] > 0) & (features[:, 0] > 0)).sum()


def test_what_always_fires_is_nobodys_parent(features: torch.Tensor, rows: torch.Tensor) -> None:
    features[:, 0] = 1
    links = tree(counted(features), GROUPS, rows)
    assert {link.child: link.parent for link in links} == {6: 1, 7: 1}


def test_a_parent_is_coarser_and_at_least_as_frequent(features: torch.Tensor, rows: torch.Tensor) -> None:
    assert tree(counted(features), (8,), rows) == []
    turned = features.flip(1)
    assert tree(counted(turned), (4, 2, 2), rows.flip(0)) == [], "a child was made a parent"


def test_a_latent_that_hardly_fires_has_no_parent(features: torch.Tensor, rows: torch.Tensor) -> None:
    places = torch.nonzero(features[:, 4] > 0).flatten()
    features[places[LEAST_FIRED - 1 :], 4] = 0
    assert {link.child for link in tree(counted(features), GROUPS, rows)} == {5, 6, 7}
    features[places[LEAST_FIRED - 1], 4] = 1
    assert {link.child for link in tree(counted(features), GROUPS, rows)} == {4, 5, 6, 7}


def test_of_two_parents_the_one_that_writes_alike_is_chosen(features: torch.Tensor, rows: torch.Tensor) -> None:
    features[:, 2] = features[:, 0]
    assert {link.child: link.parent for link in tree(counted(features), GROUPS, rows)}[4] == 0
    rows[4] = rows[2] + 0.1 * rows[0]
    assert {link.child: link.parent for link in tree(counted(features), GROUPS, rows)}[4] == 2


def test_a_link_names_the_share_of_the_childs_places(features: torch.Tensor, rows: torch.Tensor) -> None:
    places = torch.nonzero(features[:, 4] > 0).flatten()
    features[places[::4], 0] = 0  # the parent misses a quarter of them
    (link,) = [one for one in tree(counted(features), GROUPS, rows) if one.child == 4]
    assert link.contained == pytest.approx(0.75, abs=0.01)
    features[places, 0] = 0
    assert 4 not in {one.child for one in tree(counted(features), GROUPS, rows)}


def test_a_parent_that_is_there_less_than_half_of_the_time_is_none(features: torch.Tensor, rows: torch.Tensor) -> None:
    places = torch.nonzero(features[:, 4] > 0).flatten()
    features[places[: int(0.6 * len(places))], 0] = 0
    assert 4 not in {link.child for link in tree(counted(features), GROUPS, rows)}
