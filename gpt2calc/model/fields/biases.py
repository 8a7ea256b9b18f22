"""Biases, the output head, and the type of the published weights."""

from typing import Annotated

from pydantic import Field

from gpt2calc.model.fields.known import Known
from gpt2calc.model.fields.norms import NormFields


class BiasFields(NormFields):
    """Which matrices have biases, and whether the head is the token embedding's matrix."""

    bias: Annotated[
        bool, Known("no biases", "Biases in the linear layers and the layer norms.")
    ] = True
    qkv_bias: Annotated[
        bool | None,
        Known(
            "no QKV bias",
            "A bias of queries, keys and values. If left out: as bias.",
            rule="bias",
            follows=("bias",),
            echoes=True,
        ),
    ] = None
    attn_proj_bias: Annotated[
        bool | None,
        Known(
            "no bias of attention's output",
            "A bias in attention's output projection. If left out: as bias.",
            rule="bias",
            follows=("bias",),
            echoes=True,
        ),
    ] = None
    mlp_bias: Annotated[
        bool | None,
        Known(
            "no MLP biases",
            "Biases in the MLP. If left out: as bias.",
            rule="bias",
            follows=("bias",),
            echoes=True,
        ),
    ] = None
    norm_bias: Annotated[
        bool | None,
        Known(
            "no shift in norms",
            "A shift in layer norms. If left out: as bias.",
            rule="norms_shift",
            follows=("bias", "norm"),
            echoes=True,
        ),
    ] = None
    head_bias: Annotated[bool, Known("no bias of the head", "A bias in the output head.")] = False
    tie_embeddings: Annotated[
        bool,
        Known(
            "{}",
            "The output head shares the token embedding's matrix.",
            said={"True": "tied head", "False": "untied head"},
        ),
    ] = True
    stored_dtype: Annotated[str, Field(pattern=r"^[\w.-]{1,40}$")] | None = None
    """What the published weights are stored in: a format, or the method that packed them, such as
    ``"awq"``. It changes no count, and is no flag: files and presets say it."""

    def biased(self, name: str) -> bool:
        """Tell whether there is a bias: ``"qkv_bias"`` or another one, or what ``bias`` says."""
        own = self.given(name)
        if name == "expert_bias":
            return bool(self.experts_biased if own is None else own)
        if name == "norm_bias" and self.norm != "layer":
            return False
        return self.bias if own is None else bool(own)

    @property
    def norms_shift(self) -> bool:
        """Whether norms have a shift, where nothing is said of it."""
        return self.bias and self.norm == "layer"

    @property
    def experts_biased(self) -> bool | None:
        """Whether experts have biases, where nothing is said of them; None without experts."""
        return None if self.n_expert is None else self.biased("mlp_bias")

    @property
    def published_dtype(self) -> str:
        """The dtype of the published weights, or the method that packed them, as their file says.

        Where nothing is said it is bfloat16; float32 for GPT-2, whose files are older than that.
        """
        return self.stored_dtype or ("float32" if self.family == "gpt2" else "bfloat16")
