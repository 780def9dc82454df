"""A step of learning is the one that is defined: the short way is the long way, gradients are right, what is planted happens."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch

from target.sparse import kept
from target.sparse.learner import Learner, Shape, prefixes
from target.sparse.parameters import Parameters, lengths
from target.sparse.sparsity import FIRST_THRESHOLD, Kind

WIDTH, LATENTS, K = 16, 40, 3
GROUPS = (8, 12, 20)
Draw = Callable[[int], torch.Tensor]


def random_learner(kind: Kind = "batchtopk", **changes: Any) -> Learner:
    """One whose parameters are all different from zero, as after some learning."""
    learner = Learner(Shape(WIDTH, LATENTS, K, kind, **changes))
    generator = torch.manual_seed(7)
    with torch.no_grad():
        for parameter in (learner.parameters.encoder, learner.parameters.b_enc, learner.parameters.b_dec):
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return learner


def rows(learner: Learner, number: int = 0, count: int = 64) -> torch.Tensor:
    """Any activations (row, source * width)."""
    return torch.randn(count, WIDTH * learner.shape.sources, generator=torch.manual_seed(number))


def gradients(loss: torch.Tensor, parameters: Parameters) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, parameters))


def squared(x: torch.Tensor, made: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack([(x - one).square().sum() for one in made]).mean() / len(x)


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("groups", [(), GROUPS])
@pytest.mark.parametrize("kind", ["topk", "batchtopk"])
def test_the_few_that_are_kept_give_the_loss_and_gradients_of_all_latents(
    kind: Kind, groups: tuple[int, ...], sources: int
) -> None:
    learner = random_learner(kind, groups=groups, sources=sources)
    x, parameters = rows(learner), learner.parameters
    held = kept.keep(x, parameters, K, per_row=kind == "topk")
    short = squared(x, kept.decode(held, parameters, len(x), groups))
    long = squared(x, list(prefixes(learner.features(x), parameters, groups)))
    torch.testing.assert_close(short, long, rtol=1e-5, atol=1e-5)
    for a, b in zip(gradients(short, parameters), gradients(long, parameters), strict=True):
        assert float(b.abs().max()) > 1e-3
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_every_prefix_of_groups_is_the_dictionary_cut_there() -> None:
    learner = random_learner(groups=GROUPS)
    x, p = rows(learner), learner.parameters
    features = learner.features(x)
    for end, made in zip((8, 20, 40), prefixes(features, p, GROUPS), strict=True):
        torch.testing.assert_close(made, features[:, :end] @ p.W_dec[:end] + p.b_dec)


def test_a_step_reports_the_share_unexplained_and_how_many_were_kept() -> None:
    for kind in get_args(Kind):
        learner = random_learner(kind)
        x = rows(learner)
        with torch.no_grad():
            features = learner.features(x)
            made = features @ learner.parameters.W_dec + learner.parameters.b_dec
        step = learner.step(x, 1e-3)
        assert float(step.unexplained) == pytest.approx(float((x - made).square().sum() / squares(x)), rel=1e-4)
        assert float(step.l0) == pytest.approx(float((features > 0).sum() / len(x)))


def squares(x: torch.Tensor) -> torch.Tensor:
    return (x - x.mean(0)).square().sum()


@pytest.mark.parametrize("sources", [1, 2, 3])
def test_decoder_lengths_sum_to_one_over_the_sources_after_a_step(sources: int) -> None:
    learner = random_learner(sources=sources)
    for number in range(3):
        learner.step(rows(learner, number), 0.05)
    found = lengths(learner.parameters.W_dec.detach(), sources)
    torch.testing.assert_close(found.sum(1), torch.ones(LATENTS))
    assert sources == 1 or float(found.std(0).min()) > 1e-3, (
        "each latent divides itself between the sources as it likes"
    )


@pytest.mark.parametrize("sources", [1, 2])
def test_the_gradient_is_that_of_a_decoder_that_is_divided_by_its_length(
    sources: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = random_learner(sources=sources)
    x, p = rows(learner), learner.parameters
    free = p.W_dec.detach().clone().requires_grad_()
    bound = p._replace(W_dec=free / lengths(free, sources).sum(1, keepdim=True))
    loss = squared(x, kept.decode(kept.keep(x, bound, K, per_row=False), bound, len(x), ()))
    wanted = torch.autograd.grad(loss, [p.encoder, p.b_enc, free, p.b_dec])
    size = torch.stack([one.norm() for one in wanted]).norm().clamp(min=1)  # a step follows at most one of length 1
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(learner.optimizer, "step", lambda: seen.extend(q.grad.clone() for q in p if q.grad is not None))
    learner.step(x, 0.0)
    for a, b in zip(seen, wanted, strict=True):
        torch.testing.assert_close(a, b / size, rtol=1e-4, atol=1e-6)
    along = (seen[2] * p.W_dec.detach()).sum(1)
    assert float(along.abs().max()) < 1e-6, "no part of it only makes a row longer"


def planted(features: int, density: float, seed: int = 0) -> tuple[torch.Tensor, Draw]:
    """Directions (feature, width) and rows in which each is on at times, with unit variance."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(features, WIDTH, generator=generator), dim=1)

    def draw(count: int) -> torch.Tensor:
        on = torch.rand(count, features, generator=generator) < density
        x = (on * (0.5 + torch.rand(count, features, generator=generator))) @ directions
        return (x - x.mean(0)) / (density**0.5 * (features / WIDTH) ** 0.5)

    return directions, draw


def learn(learner: Learner, draw: Draw, steps: int, rate: float = 5e-3, count: int = 256) -> float:
    """Train with a decay at the end; returns the latents kept a row of the last tenth of steps."""
    counted = []
    for step in range(steps):
        done = learner.step(draw(count), rate * min(1.0, 5 * (1 - step / steps)), min(1.0, 5 * step / steps))
        counted.append(float(done.l0))
    last = counted[-max(1, steps // 10) :]
    return sum(last) / len(last)


@pytest.mark.parametrize("k", [2, 4])
def test_jumprelu_comes_to_the_number_of_latents_asked_for_and_moves_its_thresholds(k: int) -> None:
    learner = Learner(Shape(WIDTH, 48, k, "jumprelu", penalty=20.0, dead_after=2000))
    _, draw = planted(32, 0.08)
    found = learn(learner, draw, 300)
    thresholds = learner.log_threshold.detach().exp()
    assert found == pytest.approx(k, rel=0.2)
    assert float((thresholds / FIRST_THRESHOLD).log().abs().median()) > 0.2
    assert float(thresholds.std()) > 0.01, "each latent has its own"


def test_a_price_shrinks_a_shared_latents_weaker_side_and_counting_does_not() -> None:
    shared, weak = 10, 6
    directions, _ = planted(shared + weak, 0)
    strength = torch.ones(shared + weak)
    strength[shared:] = 0.3
    generator = torch.Generator().manual_seed(1)

    def draw(count: int) -> torch.Tensor:
        on = torch.rand(count, shared + weak, generator=generator) < 0.06
        amount = on * (0.5 + torch.rand(count, shared + weak, generator=generator))
        return torch.cat([(amount * strength) @ directions, amount @ directions], 1)

    share = {}
    kinds: list[tuple[Kind, float]] = [("batchtopk", 0.0), ("l1", 0.3)]
    for kind, penalty in kinds:
        learner = Learner(Shape(WIDTH, 24, 1, kind, sources=2, penalty=penalty, dead_after=5000))
        learn(learner, draw, 400)
        rows_of = torch.nn.functional.normalize(learner.parameters.W_dec.detach()[:, WIDTH:], dim=1)
        best = (directions[shared:] @ rows_of.T).max(1)
        assert float(best.values.min()) > 0.9
        share[kind] = lengths(learner.parameters.W_dec.detach(), 2)[best.indices, 0]
    planted_share = 0.3 / 1.3
    assert float((share["batchtopk"] - planted_share).abs().max()) < 0.02
    assert float(share["l1"].max()) < 0.75 * planted_share


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "jumprelu"])
def test_dead_latents_come_back_by_the_auxiliary_loss(kind: Kind) -> None:
    """Half of the latents begin so weak that they are never chosen, and the living half is too small."""
    alive = {}
    for weight in (0.0, 1 / 32):
        _, draw = planted(32, 0.05)
        shape = Shape(WIDTH, LATENTS, 2, kind, dead_after=1000, auxiliary_weight=weight, penalty=0.1)
        learner = Learner(shape)
        with torch.no_grad():
            learner.parameters.encoder[: LATENTS // 2] *= 0.01
            if kind == "jumprelu":
                learner.log_threshold[: LATENTS // 2] += 3
        learn(learner, draw, 200, count=128)
        alive[weight] = int((~learner.dead[: LATENTS // 2]).sum())
    assert alive[0.0] <= 2
    assert alive[1 / 32] >= LATENTS // 4


def test_dead_is_who_did_not_fire_for_as_many_rows() -> None:
    learner = random_learner("topk", dead_after=128)
    with torch.no_grad():
        learner.parameters.b_enc[:5] = -100
    for number in range(2):
        assert not learner.dead.any()
        learner.step(rows(learner, number), 0.0)
    assert learner.dead[:5].all() and learner.silent[:5].tolist() == [128] * 5
    assert int((learner.silent == 0).sum()) > 10


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_state_put_into_another_learner_goes_on_bit_for_bit(kind: Kind) -> None:
    settings: dict[str, Any] = {"sources": 2, "groups": GROUPS, "penalty": 0.5, "dead_after": 100}
    first = random_learner(kind, **settings)
    for number in range(4):
        first.step(rows(first, number), 3e-3)
    state = first.state()
    others = [Learner(first.shape, seed=9), Learner(first.shape, seed=10)]
    ends = []
    for learner in (first, *others):  # one after the other from the same state, which stays as it was
        if learner is not first:
            learner.go_on(state)
        for number in range(4, 8):
            learner.step(rows(learner, number), 3e-3)
        ends.append(learner.state())
    for other in ends[1:]:
        assert ends[0].keys() == other.keys()
        assert [name for name in other if not torch.equal(ends[0][name], other[name])] == []
    assert not torch.equal(ends[0]["encoder"], state["encoder"])


def test_low_precision_is_nearly_the_same_step() -> None:
    for kind in get_args(Kind):
        exact, rough = (random_learner(kind, low_precision=low, penalty=0.1) for low in (False, True))
        found = [float(learner.step(rows(exact), 1e-3).unexplained) for learner in (exact, rough)]
        assert found[0] == pytest.approx(found[1], rel=0.02)
        assert all(parameter.dtype == torch.float32 for parameter in rough.parameters)


def followed(kind: Kind, share: float, penalty: float) -> torch.Tensor:
    """What a step follows where such a share of a price is due."""
    learner = random_learner(kind, penalty=penalty)
    learner.step(rows(learner), 1e-3, share)
    return learner.state()["exp_avg:log_threshold" if kind == "jumprelu" else "exp_avg:b_enc"]


@pytest.mark.parametrize("kind", ["l1", "jumprelu"])
def test_a_price_counts_by_the_share_that_is_due(kind: Kind) -> None:
    torch.testing.assert_close(followed(kind, 0.0, 5.0), followed(kind, 1.0, 0.0))
    torch.testing.assert_close(followed(kind, 0.5, 5.0), followed(kind, 1.0, 2.5))
    assert not torch.allclose(followed(kind, 0.5, 5.0), followed(kind, 1.0, 5.0))


def test_what_helps_the_dead_leaves_the_living_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: None)
    seen = []
    for weight in (0.0, 1.0):
        learner = random_learner("topk", dead_after=1, auxiliary_weight=weight)
        found: list[torch.Tensor] = []
        p = learner.parameters
        monkeypatch.setattr(learner.optimizer, "step", lambda p=p, to=found: to.extend(one.grad.clone() for one in p))
        with torch.no_grad():
            p.b_enc[:8] = -100
        learner.step(rows(learner), 0.0)
        seen.append(found)
    assert learner.dead[:8].all() and not learner.dead.all()
    for without, beside in zip(seen[0][:3], seen[1][:3], strict=True):
        torch.testing.assert_close(beside[~learner.dead], without[~learner.dead], rtol=1e-4, atol=1e-5)
