"""Planted worlds in which it is known what a dictionary should find: a tree of features, and two models that share some."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from target.sparse.learner import Learner, Shape
from target.sparse.saving import threshold
from target.sparse.sparsity import Kind
from tools._dictionary import Dictionary, Source
from tools._dictionary_assembly import assemble

if TYPE_CHECKING:
    from torch import Generator, Tensor

PARENTS, CHILDREN, TREE_WIDTH = 4, 4, 20
SHARED, ONLY, ATTENUATED, COEFFICIENT, PAIR_WIDTH, PAIR_LATENTS = 60, 8, 8, 0.25, 64, 128
DENSITY = 0.05


class Course(NamedTuple):
    """How long, on how many rows at once, and how fast a dictionary learns."""

    steps: int
    rows: int
    rate: float


_TREE, _PAIR = Course(12_000, 200, 1e-2), Course(4000, 256, 5e-3)
L1_PRICE = 0.3
"""Of a unit of activation, in the units of the planted features."""


class Tree(NamedTuple):
    """Parents with children that exclude one another; every feature has a direction of its own."""

    directions: "Tensor"
    """(feature, width), the parents first"""
    generator: "Generator"

    def draw(self, rows: int) -> "tuple[Tensor, Tensor]":
        """Which features are on (row, feature), and what they add up to (row, width)."""
        import torch

        parents = torch.rand(rows, PARENTS, generator=self.generator) < 0.15
        which = (torch.rand(rows, PARENTS, generator=self.generator) / 0.2).long()  # 4 is none
        children = torch.nn.functional.one_hot(which, CHILDREN + 1)[..., :CHILDREN] * parents[..., None]
        on = torch.cat([parents.float(), children.flatten(1).float()], 1)
        return on, on @ self.directions


def tree(seed: int) -> Tree:
    import torch

    generator = torch.Generator().manual_seed(seed)
    return Tree(torch.linalg.qr(torch.randn(TREE_WIDTH, TREE_WIDTH, generator=generator)).Q, generator)


def tree_dictionary(world: Tree, seed: int, groups: tuple[int, ...]) -> Dictionary:
    """A dictionary of the world with as many latents as there are features, at the true mean number of them."""
    shape = Shape(TREE_WIDTH, TREE_WIDTH, PARENTS * 0.15 * (1 + 0.2 * CHILDREN), groups=groups)
    learner = _learn(shape, seed, lambda rows: world.draw(rows)[1], _TREE)
    return _dictionary(learner, [world.draw(2000)[1] for _ in range(8)])


class Pair(NamedTuple):
    """Two models that read the same features, some of them one alone and some one more weakly."""

    directions: "Tensor"
    """(feature, width)"""
    strengths: "Tensor"
    """(model, feature): base and tuned"""
    generator: "Generator"

    def draw(self, rows: int) -> "Tensor":
        """Activations of both side by side (row, 2 * width)."""
        import torch

        count = len(self.directions)
        on = torch.rand(rows, count, generator=self.generator) < DENSITY
        amount = on * (0.5 + torch.rand(rows, count, generator=self.generator))
        return torch.cat([(amount * strength) @ self.directions for strength in self.strengths], 1)


def pair(seed: int) -> Pair:
    import torch

    generator = torch.Generator().manual_seed(seed)
    count = SHARED + 2 * ONLY + ATTENUATED
    directions = torch.nn.functional.normalize(torch.randn(count, PAIR_WIDTH, generator=generator), dim=1)
    strengths = torch.ones(2, count)
    strengths[0, SHARED : SHARED + ONLY] = 0  # the tuned model's own
    strengths[1, SHARED + ONLY : SHARED + 2 * ONLY] = 0
    strengths[0, SHARED + 2 * ONLY :] = COEFFICIENT
    return Pair(directions, strengths, generator)


def pair_dictionary(world: Pair, seed: int, kind: Kind) -> Dictionary:
    """A crosscoder of both models; `l1` pays for what it keeps."""
    count = len(world.directions)
    shape = Shape(
        PAIR_WIDTH,
        PAIR_LATENTS,
        DENSITY * count,
        kind=kind,
        sources=2,
        penalty=L1_PRICE,
        dead_after=20_000,
    )
    learner = _learn(shape, seed, world.draw, _PAIR)
    found = _dictionary(learner, [world.draw(2000) for _ in range(8)])
    sources = (Source("base", "", None), Source("tuned", "", None))
    return replace(found, sources=sources, source=1)


def _learn(shape: Shape, seed: int, draw: "Callable[[int], Tensor]", course: Course) -> Learner:
    learner = Learner(shape, seed=seed)
    for step in range(course.steps):
        left = (course.steps - step) / (0.2 * course.steps)
        learner.step(draw(course.rows), course.rate * min(1.0, left))
    return learner


def _dictionary(learner: Learner, batches: "list[Tensor]") -> Dictionary:
    import torch

    with torch.no_grad():
        least = threshold(learner, batches) if learner.shape.kind == "batchtopk" else 0.0
    learnt = learner.parameters
    tensors = {"W_enc": learnt.W_enc, "b_enc": learnt.b_enc, "W_dec": learnt.W_dec, "b_dec": learnt.b_dec}
    tensors["threshold"] = torch.tensor(least)
    return assemble("planted", 0, "jumprelu", tensors, apply_b_dec_to_input=True)
