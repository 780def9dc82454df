"""Latent scaling gives back the strengths that were planted, by the closed form and by plain least squares alike."""

from typing import Any

import numpy as np
import pytest
import torch

from tools._dictionary import Dictionary, Source
from tools._latent_scaling import LEAST_ACTIVE, LatentScaling, Scaling, kinds, most_own, relative_norms

WIDTH, LATENTS, ROWS = 16, 6, 600
OTHER, OWN = 0, 1
BETAS = torch.tensor([1.0, 0.25, 0.0, -0.5, 2.0, 0.7], dtype=torch.float64)
"""How strongly the other model has each feature."""
ALPHAS = torch.tensor([1.0, 0.0, 0.0, 0.5, 2.0, 0.1], dtype=torch.float64)
"""How strongly its decoder says so."""


def crosscoder(encoder: torch.Tensor, rows: torch.Tensor, alphas: torch.Tensor = ALPHAS, **more: Any) -> Dictionary:
    """Latents that read the own model alone, in float64: `encoder` (d_model, latent), `rows` (latent, d_model)."""
    size = (WIDTH, len(rows))
    given: dict[str, Any] = {
        "name": "planted",
        "layer": 0,
        "architecture": "relu",
        "W_enc": torch.cat([torch.zeros(size, dtype=torch.float64), encoder]),
        "b_enc": torch.zeros(len(rows), dtype=torch.float64),
        "W_dec": torch.cat([alphas[:, None] * rows, rows], 1),
        "b_dec": torch.zeros(2 * WIDTH, dtype=torch.float64),
        "threshold": torch.full((len(rows),), 0.1, dtype=torch.float64),
        "k": None,
        "apply_b_dec_to_input": False,
        "normalization": "none",
        "digest": "planted",
        "sources": (Source("base", "", None), Source("tuned", "", None)),
        "source": OWN,
    }
    return Dictionary(**given | more)


def draw(rows: int = ROWS, seed: int = 0) -> torch.Tensor:
    """Sparse amounts (row, latent)."""
    generator = torch.Generator().manual_seed(seed)
    on = torch.rand(rows, LATENTS, generator=generator) < 0.3
    return (on * (0.5 + torch.rand(rows, LATENTS, generator=generator))).double()


def directions(seed: int = 1) -> torch.Tensor:
    """Orthonormal directions (latent, d_model)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(WIDTH, LATENTS, generator=generator).double()).Q.T


def both(amounts: torch.Tensor, rows: torch.Tensor, betas: torch.Tensor = BETAS) -> torch.Tensor:
    """What the two models make of the amounts, side by side (row, 2 * d_model)."""
    return torch.cat([(amounts * betas) @ rows, amounts @ rows], 1)


def scaled(of: Dictionary, x: torch.Tensor, batch: int = 100) -> LatentScaling:
    adding = LatentScaling(of)
    for some in x.split(batch):
        adding.add(some)
    return adding


def test_planted_strengths_are_recovered_in_float64() -> None:
    rows = directions()
    adding = scaled(crosscoder(rows.T, rows), both(draw(), rows))
    error, made = adding.betas()
    torch.testing.assert_close(error[:, OTHER], BETAS, rtol=1e-5, atol=1e-12)
    torch.testing.assert_close(made[:, OTHER], ALPHAS, rtol=1e-5, atol=1e-12)
    torch.testing.assert_close(error[:, OWN], torch.ones(LATENTS).double(), rtol=1e-5, atol=0)
    found = adding.finish(OTHER)
    torch.testing.assert_close(found.nu_error, BETAS.float(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(found.nu_reconstruction, ALPHAS.float(), rtol=1e-5, atol=1e-7)
    assert found.seen == ROWS and found.active.tolist() == (draw() > 0).sum(0).tolist()


def test_the_other_way_round_the_ratios_are_the_reciprocals() -> None:
    rows = directions()
    of = crosscoder(rows.T, rows, torch.ones(LATENTS).double(), source=OTHER)
    found = scaled(of, both(draw(), rows)).finish(OWN)
    torch.testing.assert_close(found.nu_error, (1 / BETAS).float(), rtol=1e-5, atol=0)


def test_the_closed_form_is_least_squares() -> None:
    """On latents that are not orthogonal, do not reconstruct, and are compared in rows of several kinds."""
    generator = torch.Generator().manual_seed(5)
    rows, encoder = (
        torch.randn(*shape, generator=generator).double() for shape in ((LATENTS, WIDTH), (WIDTH, LATENTS))
    )
    of = crosscoder(
        encoder, rows, torch.rand(LATENTS, generator=generator).double(), b_dec=torch.ones(2 * WIDTH).double()
    )
    x = torch.randn(200, 2 * WIDTH, generator=generator).double()
    f, made = of.encode(x), of.decode(of.encode(x))
    for betas, on_error in zip(scaled(of, x, batch=37).betas(), (True, False), strict=True):
        for latent, source in ((latent, source) for latent in range(LATENTS) for source in (OTHER, OWN)):
            part = slice(source * WIDTH, (source + 1) * WIDTH)
            without = made - f[:, latent, None] * of.W_dec[latent]
            y = (x - without if on_error else made)[:, part]
            design = (f[:, latent, None] * rows[latent]).flatten().numpy()[:, None]
            expected = np.linalg.lstsq(design, y.flatten().numpy(), rcond=None)[0][0]
            assert float(betas[latent, source]) == pytest.approx(expected, rel=1e-8)


def test_a_latent_that_fires_too_rarely_is_not_told() -> None:
    rows, amounts = directions(), draw()
    for latent, times in ((0, 0), (1, LEAST_ACTIVE - 1), (2, LEAST_ACTIVE)):
        amounts[:, latent] = 0
        amounts[:times, latent] = 1
    of = crosscoder(rows.T, rows)
    found = scaled(of, both(amounts, rows)).finish(OTHER)
    assert found.active[:3].tolist() == [0, LEAST_ACTIVE - 1, LEAST_ACTIVE]
    for nu in (found.nu_error, found.nu_reconstruction):
        assert nu.isnan().tolist() == [True, True, False, False, False, False]
    assert kinds(relative_norms(of, OTHER), found)[:3] == ["rare", "rare", "specific"]


def test_what_is_kept_does_not_grow_with_the_rows() -> None:
    rows = directions()
    of, x = crosscoder(rows.T, rows), both(draw(6000), rows)
    few, many = scaled(of, x[:10], batch=10), scaled(of, x, batch=10)
    assert _kept(few) == _kept(many) < x.numel() / 10
    for one, other in zip(many.betas(), scaled(of, x, batch=6000).betas(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def _kept(adding: LatentScaling) -> int:
    """Numbers held in tensors, without the crosscoder's own."""
    return sum(one.numel() for one in vars(adding).values() if isinstance(one, torch.Tensor))


def test_norms_say_whose_a_latent_is_from_either_side() -> None:
    alphas = torch.tensor([1.0, 0.0, 0.5, 2.0, 1e9, 0.0]).double()
    rows = directions()
    rows[5] = 0
    of = crosscoder(rows.T, rows, alphas)
    own = relative_norms(of, OTHER)
    torch.testing.assert_close(own, torch.tensor([0.5, 1.0, 0.75, 0.25, 0.0, 0.5]).double(), rtol=1e-6, atol=1e-8)
    theirs = relative_norms(crosscoder(rows.T, rows, alphas, source=OTHER), OWN)
    torch.testing.assert_close(theirs, 1 - own)


def told(*latents: tuple[float, float, float]) -> list[str]:
    """Kinds of latents with a relative norm and the two ratios each."""
    norms, error, made = torch.tensor(latents).T
    return kinds(norms, Scaling(error, made, torch.full((len(latents),), 100), 1000))


def test_every_kind_is_told_from_the_others() -> None:
    nan = float("nan")
    assert told((0.99, 0.0, 0.0), (0.99, 0.25, 0.0), (0.99, 0.0, 0.6), (0.99, 0.9, 0.9)) == [
        "specific", "complete shrinkage", "latent decoupling", "complete shrinkage",
    ]  # fmt: skip
    assert told((0.5, 1.0, 1.0), (0.41, 0.0, 0.0), (0.75, 0.0, 0.0), (0.05, 9.0, 9.0), (0.99, nan, nan)) == [
        "shared", "shared", "in between", "in between", "rare",
    ]  # fmt: skip


def test_a_ratio_to_next_to_nothing_makes_no_latent_specific() -> None:
    assert told((0.99, -30.0, 0.0), (0.99, 0.0, -214.0)) == ["complete shrinkage", "latent decoupling"]
    assert (
        most_own(Scaling(torch.tensor([-30.0, 0.1, 0.9]), torch.tensor([-214.0, 0.2, 1.0]), torch.ones(3), 9))[0] == 1
    )


def test_planted_lies_of_the_decoder_are_found_in_the_data() -> None:
    """One feature is the own model's, one was shrunk away, one is written by a twin, one is shared, one is rare."""
    rows, amounts = directions(), draw(4000)
    amounts[:, 5], amounts[LEAST_ACTIVE - 1 :, 4] = 0, 0
    x = both(amounts, rows, torch.tensor([0.0, 0.9, 1.0, 1.0, 0.0, 0.0]).double())
    of = crosscoder(rows.T, rows, torch.tensor([0.0, 0.0, 0.0, 1.0, 0.0, 0.0]).double())
    of.W_enc[:, 5] = of.W_enc[:, 2]
    of.W_dec[5] = torch.cat([rows[2], torch.zeros(WIDTH)])  # the twin writes in the other model alone
    found = scaled(of, x).finish(OTHER)
    assert kinds(relative_norms(of, OTHER), found)[:5] == [
        "specific",
        "complete shrinkage",
        "latent decoupling",
        "shared",
        "rare",
    ]


def test_latents_are_ranked_by_both_ratios() -> None:
    nan = float("nan")
    scaling = Scaling(torch.tensor([0.9, 0.1, nan, 0.5]), torch.tensor([0.8, 0.2, nan, 0.4]), torch.ones(4), 9)
    assert most_own(scaling) == [1, 3, 0]
