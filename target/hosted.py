"""A model that runs elsewhere: the same traces, sent to an engine that speaks nnsight's protocol.

Here there is only the shape of the model, without weights; what is read comes back, what is changed goes along.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evidence.errors import ArgumentError, TargetError
from target import interventions, loading, ranking, sites, there
from target.hosts import Host
from target.interventions import Intervention, Site
from target.sites import RENAMES, walk
from target.spec import AUTOMATIC, Options, Source

if TYPE_CHECKING:
    from torch import Tensor

_SENT = (interventions, ranking, sites, there)
"""Modules of ours that a trace uses: an engine does not have them, so they travel as source."""
PUBLIC = "https://api.ndif.us"


class RemoteHost(Host):
    """A model on NDIF. What needs gradients or whole weights says that it cannot be done there."""

    def __init__(self, source: Source, options: Options = AUTOMATIC) -> None:
        if source.engine == "serve":
            raise TargetError(
                f"{source.url} is nnsight-serve, whose vLLM lays out layers in a way that is not read yet: "
                f"use 'ndif:{source.location}', or load {source.location!r} here"
            )
        if options != AUTOMATIC:
            raise TargetError(
                f"{source.engine}:{source.location} decides itself how it holds its weights: leave the options out"
            )
        super().__init__(source, options)

    def _open(self) -> tuple[loading.Loaded, Any]:
        _require_key()
        import nnsight
        from nnsight.modeling.huggingface import _ID_CACHE

        _ID_CACHE.setdefault(self.source.location, self.source.location)  # else the hub is asked how to spell it
        for module in _SENT:
            nnsight.register(module)
        config, tokenizer = loading.load_shape(self.source)
        self._nnsight = nnsight
        self._where = {"remote": True}
        lens = nnsight.TransformersModel(
            self.source.location, tokenizer=tokenizer, task="text-generation", rename=RENAMES
        )
        digest = getattr(config, "_commit_hash", None) or "unknown"
        return loading.Loaded(lens._module, tokenizer, f"{self.source.engine}:{digest[:12]}"), lens

    def _add_adapter(self, source: Source) -> str:
        return self._adapters.setdefault(source.location, f"{self.source.engine}:{source.location}")

    def _select(self, adapter: Source | None) -> None:
        self._lens.peft = adapter.location if adapter else None  # travels with every request

    def _read(self, *given: Any) -> "list[Tensor]":
        with _sentences(self.source):
            return super()._read(*given)

    def _logits(self, *given: Any) -> "Tensor":
        with _sentences(self.source):
            return super()._logits(*given)

    def _attention(self, *given: Any) -> "list[Tensor]":
        with _sentences(self.source):
            return super()._attention(*given)

    def _there(self, function: Callable[..., Any], *given: Any) -> Any:
        lens, save = self._lens, self._nnsight.save
        with _sentences(self.source):
            with lens.trace([[0]], **self._where) as tracer:
                found = save(function(lens, *given))
                tracer.stop()
            return found

    def _continued(
        self, ids: list[list[int]], interventions: Sequence[Intervention], seed: int, options: dict[str, Any]
    ) -> "Tensor":
        with _sentences(self.source):
            return self._sampled(ids, interventions, seed, options)

    def _sampled(
        self, ids: list[list[int]], interventions: Sequence[Intervention], seed: int, options: dict[str, Any]
    ) -> "Tensor":
        import torch

        stack, save = self.layers, self._nnsight.save
        with self._lens.generate(**options, **self._where) as tracer:
            with tracer.invoke(ids):
                torch.manual_seed(seed)
                for step in tracer.iter[:]:
                    changes = [change for change in interventions if step == 0 or not change.prompt_only]
                    walk(stack, changes, (), save)
                    _ = stack[-1].output  # a step that touches nothing would never end
            with tracer.invoke():
                out = save(tracer.result)
        return out

    def _gradients(
        self,
        adapter: Source | None,
        ids: Sequence[Sequence[int]],
        layers: Sequence[int],
        metric: "Callable[[Tensor], Tensor]",
        interventions: Sequence[Intervention],
        site: Site,
    ) -> "tuple[Tensor, Tensor, Tensor]":
        raise self._not_there("gradients", "patch_activations measures what they estimate")

    def decode_stream(self, hidden: "Tensor") -> "Tensor":
        raise self._not_there("fitted lens translators", "read the raw or the centred lens")

    def untrained(self) -> Host:
        raise self._not_there("an untrained copy", "leave that control out")

    def _matrices(self, adapter: Source | None) -> "list[list[Tensor]]":
        raise self._not_there("whole weights", "load the model here to compare them")

    def _not_there(self, what: str, instead: str) -> ArgumentError:
        return ArgumentError(f"{self.source.engine}:{self.source.location} does not give {what}: {instead}")


def _require_key() -> None:
    """Say at once that a key is missing, rather than after a request."""
    if not os.environ.get("NDIF_API_KEY") and os.environ.get("NDIF_HOST", PUBLIC) == PUBLIC:
        raise TargetError("NDIF asks for a key: get one at https://login.ndif.us and set NDIF_API_KEY")


@contextmanager
def _sentences(source: Source) -> "Iterator[None]":
    """What an engine or the way to it may fail with, as one sentence."""
    import httpx
    import websocket
    from nnsight.intervention.backends.remote import RemoteError

    where = f"{source.engine}:{source.location}"
    try:
        yield
    except RemoteError as error:
        raise TargetError(f"{where} refused: {' '.join(str(error).split())[-300:]}") from error
    except (OSError, httpx.HTTPError, websocket.WebSocketException) as error:
        raise TargetError(
            f"{where} cannot be reached ({error}): check the network and NDIF_HOST, or load it here"
        ) from error
