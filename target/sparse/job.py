"""What a training of a sparse dictionary is told, and where its result goes."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from target.sparse.sparsity import Kind


class DictionaryJob(BaseModel):
    """Everything a training process needs; nothing is read from anywhere else."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    store: str
    """The folder of an activation store; with several sources a crosscoder is trained."""
    layer: int = Field(ge=0)
    out: str
    """The folder for cfg.json and sae_weights.safetensors, and for what it takes to go on after a kill."""
    d_sae: int = Field(ge=2)
    k: float = Field(gt=0)
    """Latents kept per row, on average over a batch; what `jumprelu` aims at, and `l1` is only compared with."""
    kind: Kind = "batchtopk"
    groups: tuple[int, ...] = ()
    """Sizes of the groups whose nested prefixes must each reconstruct alone; () is one group of all."""
    penalty: float | None = Field(default=None, ge=0)
    """Of `l1` and `jumprelu`; None for a usual one."""
    steps: int = Field(default=1000, ge=1)
    batch_rows: int = Field(default=1024, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    warmup_steps: int = Field(default=30, ge=1)
    dead_after: int = Field(default=10_000, ge=1)
    auxiliary_weight: float = Field(default=1 / 32, ge=0)
    low_precision: bool = False
    """Whether matrices are multiplied in bfloat16."""
    precision: Literal["float16", "float32"] = "float32"
    """Of the two matrices on disk; biases and thresholds are float32."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between two states from which a killed run goes on; 0 for none."""
    metadata: dict[str, Any] = {}
    """Goes into cfg.json: `hook_name`, and `weights` (digest of the model the activations came from)."""
    seed: int = 0
    threads: int = Field(default=2, ge=1)
    device: str = "cpu"
    """"auto" is a GPU when there is one."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.k >= self.d_sae:
            raise ValueError(f"k={self.k} is not sparse: it must be below d_sae={self.d_sae}")
        if self.kind == "topk" and self.k != int(self.k):
            raise ValueError(f"k={self.k} is not whole: topk keeps as many latents in every row")
        if self.kind == "batchtopk" and self.k * self.batch_rows < 1:
            raise ValueError(
                f"k={self.k} keeps nothing of a batch: it must be at least 1 / batch_rows={self.batch_rows}"
            )
        if self.groups and (sum(self.groups) != self.d_sae or min(self.groups) < 1):
            raise ValueError(f"groups={self.groups} must be positive and sum to d_sae={self.d_sae}")
        return self


def matryoshka_groups(d_sae: int) -> tuple[int, ...]:
    """The paper's group sizes: 1/32, 1/16, 1/8, 1/4 of all latents, and the rest (arXiv 2503.17547)."""
    sizes = [max(1, d_sae // share) for share in (32, 16, 8, 4)]
    return (*sizes, d_sae - sum(sizes))
