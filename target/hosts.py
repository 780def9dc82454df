"""A hosted model: one base, its adapters switched in place, everything run on its own worker thread."""

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence.errors import Cancelled, TargetError
from target import loading, there, turn
from target.inside import Inside
from target.interventions import Intervention, Site
from target.sites import RENAMES, walk
from target.spec import AUTOMATIC, Options, Source
from target.validate import validate
from target.worker import Worker

os.environ["NNSIGHT_CONFIG"] = str(Path(__file__).with_name("nnsight.yaml"))

if TYPE_CHECKING:
    from torch import Tensor

_hosts: dict[tuple[Source, Options], "Host"] = {}
_registry = threading.Lock()
_SAMPLING = threading.Lock()
"""The random generator is the process's own: two hosts must not sample at once."""


def host_for(source: Source, options: Options) -> "Host":
    """The host of a base; loaded once per place and precision."""
    key = (source, options)
    with _registry:
        host = _hosts.get(key)
        if host is None:
            host = _hosts[key] = _kind(source)(source, options)
    try:
        host.ready()
    except Cancelled:
        raise
    except TargetError:
        with _registry:
            _hosts.pop(key, None)  # so that a repaired file is tried again
        raise
    return host


def _kind(source: Source) -> "type[Host]":
    if source.engine == "here":
        return Host
    from target.hosted import RemoteHost

    return RemoteHost


class Host(Inside):
    """One base model in memory. Methods may be called from any thread; the work is done on the worker's.

    Layers are 0-based; "after layer i" is the residual stream that leaves it (batch, position, d_model).
    """

    def __init__(self, source: Source, options: Options = AUTOMATIC) -> None:
        self.source = source
        self.worker = Worker(source.location.rsplit("/", 1)[-1])
        self._options = options
        self._where: dict[str, Any] = {}
        self._loaded: loading.Loaded | None = None
        self._adapters: dict[str, str] = {}
        self._active: str | None = None
        self._trained = True
        self._untrained: Host | None = None

    def ready(self) -> None:
        """Load the model if it is not loaded yet, and check that it is what we take it for."""
        if self._loaded is None:
            self.worker.call(self._load)

    def _load(self) -> None:
        if self._loaded is not None:
            return
        turn.report(f"loading {Path(self.source.location).name}")
        loaded, self._lens = self._open()
        try:
            self.layers = list(self._lens.model.layers)
        except AttributeError as error:
            raise TargetError(
                f"{self.source.location!r} has no stack of layers that we know how to read: it cannot be a target yet"
            ) from error
        self.tokenizer = loaded.tokenizer
        self.config: Any = loaded.model.config.get_text_config()
        self.digest = loaded.digest
        self._softcap = getattr(self.config, "final_logit_softcapping", None)
        self._loaded, valid = loaded, False
        try:
            validate(self)
            valid = True
        finally:
            self._loaded = loaded if valid else None

    def _open(self) -> tuple[loading.Loaded, Any]:
        """The model, and nnsight's tree of it."""
        import nnsight

        loaded = loading.load_base(self.source, self._options.device, self._options.dtype, trained=self._trained)
        self._nnsight = nnsight
        lens = nnsight.TransformersModel(
            loaded.model, tokenizer=loaded.tokenizer, task="text-generation", rename=RENAMES
        )
        return loaded, lens

    @property
    def model(self) -> Any:
        assert self._loaded is not None
        return self._loaded.model

    def untrained(self) -> "Host":
        """A host of the same shape with random weights, drawn once by a fixed seed."""
        if self._untrained is None:
            self._untrained = Host(self.source, self._options)
            self._untrained._trained = False
            self._untrained.ready()
        return self._untrained

    def add_adapter(self, source: Source) -> str:
        """Load an adapter once; returns the digest of its weights."""
        return self.worker.call(lambda: self._add_adapter(source))

    def _add_adapter(self, source: Source) -> str:
        if source.location not in self._adapters:
            turn.report(f"loading the adapter {Path(source.location).name}")
            self._active = "unknown"  # loading switches adapters, and may fail half-way
            self._adapters[source.location] = loading.load_adapter(self.model, source, _adapter_key(source.location))
        return self._adapters[source.location]

    def _select(self, adapter: Source | None) -> None:
        wanted = adapter.location if adapter else None
        if wanted != self._active:
            loading.select_adapter(self.model, _adapter_key(wanted) if wanted else None)
        self._active = wanted

    def read(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        interventions: Sequence[Intervention] = (),
        site: Site = "residual",
    ) -> "list[Tensor]":
        """One site of a batch in one forward: for each row (layer, position, width).

        Stops after the last layer asked for. Rows may differ in length; padding is removed.
        """
        return self.worker.call(lambda: self._read(adapter, ids, layers, interventions, site))

    def _read(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        interventions: Sequence[Intervention],
        site: Site = "residual",
    ) -> "list[Tensor]":
        import torch

        self._select(adapter)
        wanted = {(layer, site) for layer in layers}
        stack, save = self.layers, self._nnsight.save  # a block that is sent away takes its names along, not the host
        with torch.no_grad(), self._lens.trace([list(row) for row in ids], **self._where) as tracer:
            found = save(walk(stack, interventions, wanted, save))
            tracer.stop()
        return [torch.stack([found[n, site][b, -len(row) :] for n in layers]).cpu() for b, row in enumerate(ids)]

    def unembed(self, hidden: "Tensor") -> "Tensor":
        """Logits of residual streams (..., d_model) by the model's own final norm and unembedding."""
        return self.worker.call(lambda: self._unembed(hidden))

    def _unembed(self, hidden: "Tensor") -> "Tensor":
        import torch

        with torch.no_grad():
            found: Tensor = self._there(there.logits_of, hidden, self._softcap)
        return found

    def best(self, hidden: "Tensor", k: int, track: Sequence[int]) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """The best k tokens of streams (row, d_model), their probabilities, ranks and log probabilities of others."""
        import torch

        def run() -> "tuple[Tensor, Tensor, Tensor, Tensor]":
            with torch.no_grad():
                found: tuple[Tensor, Tensor, Tensor, Tensor] = self._there(
                    there.best_of, hidden, self._softcap, k, list(track)
                )
            return found

        return self.worker.call(run)

    def decode_stream(self, hidden: "Tensor") -> "Tensor":
        """Logits of residual streams with gradients; call it on the worker's thread."""
        return there.logits_of(self._lens, hidden, self._softcap)

    def _there(self, function: Callable[..., Any], *given: Any) -> Any:
        return function(self._lens, *given)

    def logits(
        self, adapter: Source | None, ids: Sequence[Sequence[int]], interventions: Sequence[Intervention] = ()
    ) -> "Tensor":
        """The model's own logits at the last position (batch, vocab), not by the lens."""
        return self.worker.call(lambda: self._logits(adapter, ids, interventions))

    def _logits(
        self, adapter: Source | None, ids: Sequence[Sequence[int]], interventions: Sequence[Intervention]
    ) -> "Tensor":
        import torch

        self._select(adapter)
        lens, stack, save = self._lens, self.layers, self._nnsight.save
        with torch.no_grad(), lens.trace([list(row) for row in ids], logits_to_keep=1, **self._where):
            walk(stack, interventions, (), save)
            last = save(lens.output.logits[:, -1])
        return last.cpu()

    def generate(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        interventions: Sequence[Intervention] = (),
        **options: Any,
    ) -> list[list[int]]:
        """Continue a batch of prompts; returns the new tokens of each row, without padding or end token."""
        return self.worker.call(lambda: self._generate(adapter, ids, interventions, options))

    def _generate(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        interventions: Sequence[Intervention],
        options: dict[str, Any],
    ) -> list[list[int]]:
        self._select(adapter)
        options = {"pad_token_id": self._pad(), **options}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*never reached.*")
            out = self._continued([list(row) for row in ids], interventions, options.pop("seed", 0), options)
        turn.check()
        width = max(map(len, ids))
        return [self._trim(row[width:].tolist()) for row in out]

    def _continued(
        self, ids: list[list[int]], interventions: Sequence[Intervention], seed: int, options: dict[str, Any]
    ) -> "Tensor":
        """Prompts and what follows them, left-padded (batch, position)."""
        import torch

        runner = self._edited(interventions) if interventions else self._lens
        with _SAMPLING:
            torch.manual_seed(seed)
            out: Tensor = runner.generate(ids, stopping_criteria=[_stop_when_asked()], **options)
        return out

    def _edited(self, interventions: Sequence[Intervention]) -> Any:
        with self._lens.edit() as (tracer, edited):
            for step in tracer.iter[:]:
                changes = [change for change in interventions if step == 0 or not change.prompt_only]
                walk(self.layers, changes, (), self._nnsight.save)
                _ = self.layers[-1].output  # a step that touches nothing would never end
        return edited

    def _pad(self) -> int:
        known = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return int(next(token for token in known if token is not None))

    def _trim(self, tokens: list[int]) -> list[int]:
        ends = set(_as_list(self.model.generation_config.eos_token_id)) | {self.tokenizer.eos_token_id, self._pad()}
        first = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
        return tokens[:first]


def _adapter_key(location: str) -> str:
    return "a_" + "".join(c if c.isalnum() else "_" for c in location)


def _as_list(value: Any) -> list[int]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _stop_when_asked() -> Any:
    """A stopping criterion that ends generation when the person presses stop."""
    asked = turn.current()

    def stop(input_ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full((input_ids.shape[0],), asked.stop.is_set(), dtype=torch.bool, device=input_ids.device)

    return stop
