"""`python -m evals.answers.learning`: learn how an answer concludes and how it says what its numbers are of.

Both are learned from the answers in `evals/answers/*/`, the second from the guide's own answers about the second and third ledger
besides. It takes about half an hour on two cores.
"""

import argparse
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing import Pool, get_context
from typing import TYPE_CHECKING

from agent.grounding import Learned, attachment, inference
from agent.models import writing
from evals.answers import attaching, inferring
from evals.answers.labelled import labelled
from evals.answers.ledger import NAMES, Name, file, ledger
from evals.answers.prose import Answer, files, learned_from

if TYPE_CHECKING:
    from torch import Tensor

    from agent.embedding import Encoder

SEEDS = (0, 1, 2, 3)
"""The reader is the mean of as many, learned from other first values and in another order."""
GUIDE = "guide's own"
JUDGED: Name = "first"
"""The guide's answers about this ledger are what the check is judged on when they are spoiled; they are not learned from."""


def guides(name: Name = JUDGED) -> Iterator[Answer]:
    """Everything the guide writes of a ledger: what it found, why, and beside what."""
    for one, evidence in ledger(name).items():
        for write in (writing.findings, writing.reasons, writing.comparison):
            if text := write(one, evidence):
                yield Answer(GUIDE, name, text)


def digest(*guides_own: Answer) -> str:
    """Of all that is learned from: ledgers, prose, and the guide's own answers where they are."""
    read = [file(name) for name in NAMES] + [one for name in NAMES for one in files(name)]
    found = hashlib.sha256(b"".join(one.read_bytes() for one in read))
    found.update("".join(one.text for one in guides_own).encode())
    return found.hexdigest()


def learn(answers: Sequence[Answer], seeds: Sequence[int]) -> Learned:
    """What the check can learn from answers."""
    return Learned(attached(answers), inference.Reader(_encoder(), readers(answers, seeds)))


def readers(answers: Sequence[Answer], seeds: Sequence[int]) -> "list[Mapping[str, Tensor]]":
    """What is learned of conclusions from each seed, side by side on all cores."""
    with get_context("spawn").Pool(min(len(seeds), os.cpu_count() or 1)) as pool:
        return pool.map(_reader, [(answers, seed) for seed in seeds], chunksize=1)


def _reader(job: "tuple[Sequence[Answer], int]") -> "Mapping[str, Tensor]":
    import torch

    torch.set_num_threads(1)
    answers, seed = job
    return inferring.fit(list(labelled(answers)), _encoder(), seed)


def attached(answers: Iterable[Answer]) -> attachment.Forest:
    """What is learned of what a sentence says a number of."""
    every = [*answers, *guides_learned()]
    with Pool() as pool:
        return attaching.fit([row for rows in pool.imap(attaching.denied, every, 8) for row in rows])


def guides_learned() -> list[Answer]:
    """The guide's answers that are learned from."""
    return [one for name in NAMES if name != JUDGED for one in guides(name)]


def main() -> None:
    """Write what ships, or one of the two: `attachment` (three minutes) or `inference`."""
    parser = argparse.ArgumentParser(prog="python -m evals.answers.learning", description=main.__doc__)
    parser.add_argument("only", nargs="?", choices=("attachment", "inference"))
    only = parser.parse_args().only
    answers = list(learned_from())
    if only != "inference":
        about = {"reads": attachment.reads(), "learned from": digest(*guides_learned())}
        attaching.save(attached(answers), attachment.FILE, about)
        print(f"{attachment.FILE.name}: {attachment.FILE.stat().st_size // 1024} kB", flush=True)
    if only != "attachment":
        _learn_inference(answers)


def _learn_inference(answers: Sequence[Answer]) -> None:
    from safetensors.torch import save_file

    learned = dict(zip(SEEDS, readers(answers, SEEDS), strict=True))
    tensors = {f"{seed}:{name}": tensor for seed, one in learned.items() for name, tensor in one.items()}
    save_file(tensors, inference.FILE, metadata={"reads": inference.reads(), "learned from": digest()})
    print(f"{inference.FILE.name}: {inference.FILE.stat().st_size // 1024} kB")


def _encoder() -> "Encoder":
    from agent.embedding import Encoder, embedding

    encoder = embedding("minilm")
    assert isinstance(encoder, Encoder)
    return encoder


if __name__ == "__main__":
    main()
