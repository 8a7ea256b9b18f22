"""The integers and switches that define a GPT-2, or one of its descendants."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gpt2calc.model.constraints import refuse_nonsense
from gpt2calc.model.derived import Derived
from gpt2calc.model.families.table import family_called
from gpt2calc.model.fields import FieldValue, Known, Layers, Size


class ModelConfig(Derived):
    """What defines a model: the defaults are GPT-2 small, each switch is what a descendant changed.

    Every number is a positive ``int`` of any size; ``True``, floats and strings are refused. A
    field left at None follows its rule: ``n_inner`` is ``4 * n_embd``, ``n_head`` is ``n_embd /
    64``, ``n_kv_head`` is ``n_head``, each bias is as ``bias``. A ``family`` brings its switches
    along, where they are not given.

    Raises:
        UserError: a field is unknown or out of range, or two make no sense together.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2;
    for the descendants Hugging Face transformers, ``models/*/configuration_*.py``.
    """

    family: Annotated[str, Known("{}", "Whose switches are the defaults, and whose the names.")] = (
        "gpt2"
    )

    n_layer: Annotated[
        Size, Known("{} layers", "Transformer blocks, one above the other.", letter="L", place=3)
    ] = 12
    n_embd: Annotated[
        Size, Known("width {}", "Width of the model: features of one token.", letter="d", place=6)
    ] = 768
    n_head: Annotated[
        Size | None,
        Known(
            "{} heads",
            "Attention heads of a block. Must divide n_embd, unless head_dim is given. Changes a "
            "count only beside head_dim, n_kv_head or qk_norm. If left out: n_embd / 64.",
            letter="h",
            place=7,
            rule="heads",
            follows=("n_embd", "head_dim"),
            always_said=True,
            example=12,
        ),
    ] = None
    n_kv_head: Annotated[
        Size | None,
        Known(
            "{} KV heads",
            "Heads of keys and values, each shared by as many queries. Must divide n_head. If left "
            "out: n_head.",
            letter="g",
            place=8,
            rule="heads",
            follows=("n_head", "n_embd"),
            echoes=True,
            example=4,
        ),
    ] = None
    head_dim: Annotated[
        Size | None,
        Known(
            "heads of width {}",
            "Width of a head. If left out: n_embd / n_head.",
            letter="w",
            place=9,
            rule="head_width",
            follows=("n_embd", "n_head"),
            echoes=True,
            example=128,
        ),
    ] = None
    vocab: Annotated[
        Size, Known("vocabulary {}", "Tokens in the vocabulary.", letter="V", place=1)
    ] = 50257
    n_ctx: Annotated[
        Size,
        Known("context {}", "Longest context, in tokens: learned positions.", letter="T", place=2),
    ] = 1024
    token_width: Annotated[
        Size | None,
        Known(
            "embeddings of width {}",
            "Width of the token embedding and of the head, where two projections lie between them "
            "and the model. If left out: n_embd.",
            letter="e",
            place=25,
            example=512,
        ),
    ] = None
    per_layer_dim: Annotated[
        Size | None,
        Known(
            "per-layer embeddings of width {}",
            "Width of the per-layer embeddings (PLE): each layer has a narrow embedding of each "
            "token. If left out: none.",
            letter="p",
            place=30,
            example=256,
        ),
    ] = None
    per_layer_vocab: Annotated[
        Size | None,
        Known(
            "per-layer embeddings of {} tokens",
            "Tokens that have per-layer embeddings. If left out: vocab, where there are some.",
            letter="P",
            place=31,
            rule="per_layer_rows",
            follows=("vocab", "per_layer_dim"),
            echoes=True,
            example=262144,
        ),
    ] = None
    altup_inputs: Annotated[
        Size | None,
        Known(
            "{} residual streams",
            "Residual streams of AltUp (alternating updates): a block works on the first and "
            "corrects the others. If left out: one stream, without AltUp.",
            letter="a",
            place=32,
            example=4,
        ),
    ] = None
    laurel_rank: Annotated[
        Size | None,
        Known(
            "a residual of rank {} beside attention",
            "Rank of LAuReL, a learned residual beside attention. If left out: none.",
            letter="l",
            place=33,
            example=64,
        ),
    ] = None
    positions: Annotated[
        Literal["learned", "rotary", "alibi", "sinusoidal", "none"],
        Known(
            "{} positions",
            "How tokens know their places; only learned positions have parameters.",
            said={"alibi": "ALiBi", "none": "no"},
        ),
    ] = "learned"
    position_offset: Annotated[
        Size | None,
        Known(
            "{} more positions", "Rows in the table of positions before the first one.", example=2
        ),
    ] = None

    rotary_dim: Annotated[
        Size | None,
        Known(
            "{} of a head's features rotated",
            "Features of a head that rotary positions rotate. If left out: all, or the family's "
            "share of the head.",
            example=32,
        ),
    ] = None
    no_rope_every: Annotated[
        Size | None,
        Known(
            "one of every {} layers without rotary positions",
            "Every how many layers one has no rotary positions. If left out: all layers have them.",
            example=4,
        ),
    ] = None
    no_rope_layers: Annotated[
        Layers | None,
        Known(
            "no rotary positions in layers {}",
            "Layers without rotary positions, from 0 on. If left out: as no_rope_every says.",
        ),
    ] = None
    window: Annotated[
        Size | None,
        Known(
            "a window of {} tokens",
            "Tokens that a query can see, itself among them. If left out: all before it.",
            example=4096,
        ),
    ] = None
    full_every: Annotated[
        Size | None,
        Known(
            "one of every {} layers without a window",
            "Every how many layers one has no window. If left out: all layers have it.",
            example=6,
        ),
    ] = None
    full_layers: Annotated[
        Layers | None,
        Known(
            "no window in layers {}",
            "Layers without a window, from 0 on. If left out: as full_every says.",
        ),
    ] = None

    full_head_dim: Annotated[
        Size | None,
        Known(
            "heads of width {} without a window",
            "Width of a head in the layers without a window. If left out: head_dim.",
            letter="W",
            place=28,
            example=512,
        ),
    ] = None
    full_n_head: Annotated[
        Size | None,
        Known(
            "{} heads without a window",
            "Attention heads in the layers without a window. If left out: n_head.",
            letter="H",
            place=34,
            example=48,
        ),
    ] = None
    full_n_kv_head: Annotated[
        Size | None,
        Known(
            "{} KV heads without a window",
            "Heads of keys and values in the layers without a window. If left out: n_kv_head.",
            letter="G",
            place=29,
            example=4,
        ),
    ] = None
    full_values_are_keys: Annotated[
        bool,
        Known(
            "no keys in place of values without a window",
            "No matrix of values in the layers without a window: values are what k_proj makes, "
            "before norm and rotation, and are cached beside the keys.",
        ),
    ] = False
    full_sinks: Annotated[
        bool,
        Known(
            "no attention sinks without a window",
            "Attention sinks in the layers without a window, too, where there are some.",
        ),
    ] = True
    shared_kv_layers: Annotated[
        Layers | None,
        Known(
            "keys and values of earlier layers in layers {}",
            "Layers that take the keys and values of the last layer before them that makes its "
            "own, with the same window: they make and cache none. Numbered from 0. If left out: "
            "none.",
        ),
    ] = None

    kv_lora_rank: Annotated[
        Size | None,
        Known(
            "latent attention of {}",
            "Width of the latent that keys and values are made of, and that is cached in their "
            "place. If left out: keys and values of their own.",
            letter="c",
            place=13,
            example=512,
        ),
    ] = None
    q_lora_rank: Annotated[
        Size | None,
        Known(
            "queries of a latent of {}",
            "Width of the latent that queries are made of, in latent attention. If left out: "
            "queries are made of the token's vector.",
            letter="q",
            place=14,
            example=1536,
        ),
    ] = None
    qk_nope_head_dim: Annotated[
        Size | None,
        Known(
            "heads of {} features without rotary positions",
            "Features of a query or key without rotary positions, in latent attention.",
            letter="n",
            place=15,
            example=128,
        ),
    ] = None
    qk_rope_head_dim: Annotated[
        Size | None,
        Known(
            "{} with them",
            "Features of a query with rotary positions, in latent attention; of the keys all heads "
            "share them.",
            letter="r",
            place=16,
            example=64,
        ),
    ] = None
    v_head_dim: Annotated[
        Size | None,
        Known(
            "values of width {}",
            "Width of a head's values. If left out: head_dim; latent attention has it always.",
            letter="v",
            place=17,
            example=128,
        ),
    ] = None
    index_n_heads: Annotated[
        Size | None,
        Known(
            "an indexer of {} heads",
            "Heads of an indexer, which says to which tokens latent attention looks.",
            letter="i",
            place=18,
            example=64,
        ),
    ] = None
    index_head_dim: Annotated[
        Size | None,
        Known(
            "of width {}",
            "Width of an indexer's heads; of its keys there is one for all of them, and is cached.",
            letter="j",
            place=19,
            example=128,
        ),
    ] = None
    mixer: Annotated[
        Literal["attention", "gated_delta", "kda", "lightning", "mamba", "mamba2", "short_conv"],
        Known(
            "{}",
            "What mixes the tokens of a layer: attention, or what layers have in its place but "
            "for those in attention_layers.",
            said={
                "attention": "attention in all layers",
                "gated_delta": "linear attention by the gated delta rule",
                "kda": "Kimi's delta attention",
                "lightning": "lightning attention",
                "mamba": "Mamba",
                "mamba2": "Mamba 2",
                "short_conv": "short convolutions",
            },
        ),
    ] = "attention"
    attention_layers: Annotated[
        Layers | None,
        Known(
            "attention in layers {}",
            "Layers with attention, from 0 on, where mixer is another one. If left out: none.",
        ),
    ] = None
    parallel_mixer: Annotated[
        bool,
        Known(
            "no mixer beside attention",
            "The mixer beside attention, both of the same norm, in the layers with attention: all, "
            "if attention_layers is left out.",
        ),
    ] = False
    mlp_layers: Annotated[
        Layers | None,
        Known(
            "an MLP alone in layers {}",
            "Layers that are an MLP alone, from 0 on, all others being attention or a mixer alone. "
            "If left out: each layer has both.",
        ),
    ] = None
    mixer_heads: Annotated[
        Size | None,
        Known(
            "{} heads of states",
            "Heads of a mixer that keeps a state: of its values; in Mamba its features (d_inner).",
            letter="m",
            place=20,
            example=32,
        ),
    ] = None
    mixer_key_heads: Annotated[
        Size | None,
        Known(
            "{} heads of the states' keys",
            "Heads of the mixer's keys, or in Mamba 2 groups, each shared by as many heads.",
            letter="k",
            place=21,
            example=16,
        ),
    ] = None
    mixer_head_dim: Annotated[
        Size | None,
        Known(
            "states {} wide",
            "Width of a head of the mixer: of its values.",
            letter="y",
            place=22,
            example=128,
        ),
    ] = None
    mixer_state_dim: Annotated[
        Size | None,
        Known(
            "and {} high",
            "Numbers of the mixer's state for each feature of a value: the width of its keys.",
            letter="z",
            place=23,
            example=128,
        ),
    ] = None
    mixer_kernel: Annotated[
        Size | None,
        Known(
            "a convolution over {} tokens",
            "Tokens that the mixer's convolution sees at once.",
            letter="u",
            place=24,
            example=4,
        ),
    ] = None
    mixer_rank: Annotated[
        Size | None,
        Known(
            "steps of rank {}",
            "Rank of Mamba's steps (dt_rank): the width of what they are made of.",
            letter="t",
            place=26,
            example=160,
        ),
    ] = None
    mixer_bias: Annotated[
        bool, Known("no biases of the mixer", "Biases in the mixer's projections.")
    ] = False
    mixer_conv_bias: Annotated[
        bool, Known("no bias of the convolution", "A bias in the mixer's convolution.")
    ] = False
    mixer_norm: Annotated[
        bool,
        Known(
            "no norms in the mixer",
            "Norms in the mixer: of Mamba 2's outcome, or of what Mamba's steps and states are "
            "made of, as in Jamba.",
        ),
    ] = True
    attention_gate: Annotated[
        bool,
        Known(
            "no gate of attention's outcome",
            "A gate of attention's outcome, made beside the queries by the same matrix.",
        ),
    ] = False
    separate_gate: Annotated[
        bool,
        Known(
            "no separate matrix for the gate",
            "A matrix of its own, without a bias, for the gate of attention's outcome (AFMoE).",
        ),
    ] = False
    gate_per_head: Annotated[
        bool,
        Known(
            "no gate of one number a head",
            "One number for each head, and not for each feature, in the gate of separate_gate "
            "(Laguna, LFM3).",
        ),
    ] = False
    indexer_layers: Annotated[
        Layers | None,
        Known(
            "indexers in layers {}",
            "Layers with an indexer of their own, from 0 on. If left out: all, where there is one.",
        ),
    ] = None

    n_inner: Annotated[
        Size | None,
        Known(
            "MLP width {}",
            "Width of the MLP's hidden layer. If left out: 4 * n_embd.",
            letter="f",
            place=10,
            rule="mlp_width",
            follows=("n_embd",),
            example=3072,
        ),
    ] = None
    gated_mlp: Annotated[bool, Known("no gated MLP", "A gate in the MLP: a third matrix.")] = False
    learned_activation: Annotated[
        bool,
        Known(
            "no xIELU with learned parameters",
            "Two numbers for each MLP, that shape its activation (xIELU).",
        ),
    ] = False
    double_wide_mlp: Annotated[
        bool,
        Known(
            "no MLP twice as wide in these",
            "An MLP twice as wide in shared_kv_layers.",
        ),
    ] = False
    n_expert: Annotated[
        Size | None,
        Known(
            "{} experts",
            "MLPs of a block, of which a router chooses some for each token.",
            letter="E",
            place=4,
            example=8,
        ),
    ] = None
    n_expert_active: Annotated[
        Size | None,
        Known(
            "{} active",
            "Experts that a token goes through. If left out: 2, or the only one.",
            letter="A",
            place=5,
            rule="chosen_experts",
            follows=("n_expert",),
            always_said=True,
            example=2,
        ),
    ] = None
    n_inner_expert: Annotated[
        Size | None,
        Known(
            "experts of width {}",
            "Width of an expert's hidden layer. If left out: n_inner.",
            letter="x",
            place=11,
            rule="expert_width",
            follows=("n_inner", "n_embd", "n_expert"),
            echoes=True,
            example=768,
        ),
    ] = None
    expert_latent_dim: Annotated[
        Size | None,
        Known(
            "experts in a latent {} wide",
            "Width of what experts make of a token and return, between two matrices of the whole "
            "width. If left out: n_embd, and there are none.",
            letter="o",
            place=27,
            example=2048,
        ),
    ] = None
    n_inner_shared: Annotated[
        Size | None,
        Known(
            "a shared expert of width {}",
            "Width of an expert that every token goes through, beside those chosen for it.",
            letter="s",
            place=12,
            example=5632,
        ),
    ] = None
    shared_gate: Annotated[
        bool,
        Known(
            "no gate of the shared expert",
            "A gate of the shared expert: one number for each token, by which its outcome is "
            "multiplied.",
        ),
    ] = True
    router_bias: Annotated[
        bool, Known("no bias of the router", "A bias in the router's scores of the experts.")
    ] = False
    choice_bias: Annotated[
        bool,
        Known(
            "no bias of the experts' choice",
            "A number for each expert that is added to its score where experts are chosen, and "
            "is a parameter.",
        ),
    ] = False
    expert_bias: Annotated[
        bool | None,
        Known(
            "no biases of experts",
            "Biases in the experts. If left out: as mlp_bias.",
            rule="experts_biased",
            follows=("mlp_bias", "bias"),
            echoes=True,
        ),
    ] = None
    norm_after_experts: Annotated[
        bool,
        Known(
            "no norm after experts",
            "A norm of what experts return, in each layer with experts (A.X-K1).",
        ),
    ] = False
    mlp_beside_experts: Annotated[
        bool,
        Known(
            "no MLP beside the experts",
            "An MLP beside the experts, in each layer with experts, with norms of both.",
        ),
    ] = False
    dense_layers: Annotated[
        Layers,
        Known("no experts in layers {}", "Layers that have one MLP and no experts, from 0 on."),
    ] = ()

    norm: Annotated[
        Literal["layer", "rms", "none"],
        Known(
            "{} norms",
            "Layer norms, RMS norms, which have no shift, or norms with no parameters.",
            said={"rms": "RMS", "none": "parameterless"},
        ),
    ] = "layer"
    norm_place: Annotated[
        Literal["before", "shared", "after", "both"],
        Known(
            "{}",
            "A block's norms: before attention and before the MLP, one that both share, after "
            "each, or before and after each.",
            said={
                "before": "norms before attention and MLP",
                "shared": "one norm for attention and MLP",
                "after": "norms after attention and MLP",
                "both": "norms before and after",
            },
        ),
    ] = "before"
    parallel_residual: Annotated[
        bool,
        Known(
            "no parallel residual",
            "With norms before attention and MLP: both read the block's input, and are added to "
            "it at once.",
        ),
    ] = False
    qk_norm: Annotated[
        Literal["none", "head", "heads", "width"],
        Known(
            "{}",
            "A norm of queries and of keys: one for all heads; one for each, without a shift; or "
            "over all their width.",
            said={
                "none": "no QK norm",
                "head": "QK norm",
                "heads": "a QK norm for each head",
                "width": "QK norm of the whole width",
            },
        ),
    ] = "none"
    attention_sinks: Annotated[
        bool,
        Known(
            "no attention sinks",
            "A learned score for each head, which takes a part of the softmax and has no value.",
        ),
    ] = False
    sub_norms: Annotated[
        bool,
        Known(
            "no norms inside attention and MLP",
            "Norms of what goes into the output matrices of attention and of the MLP (BitNet).",
        ),
    ] = False
    differential_attention: Annotated[
        bool,
        Known(
            "no differential attention",
            "Attention that subtracts the outcome of one half of the heads, times a learned "
            "factor, from that of the other half (DiffLlama).",
        ),
    ] = False
    embedding_norm: Annotated[
        bool, Known("no norm of embeddings", "A norm after the embedding.")
    ] = False
    final_norm: Annotated[bool, Known("no final norm", "A norm after the last block.")] = True

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

    @model_validator(mode="before")
    @classmethod
    def _as_the_family(cls, given: object) -> object:
        """Take the family's switches, where nothing else is given."""
        if not isinstance(given, Mapping):
            return given
        family = given.get("family")
        if not isinstance(family, str) or family == "gpt2":
            return given
        known = family_called(family)
        fields = {**known.ways, **given}
        if "attention_layers" in given or not known.is_hybrid:
            return fields
        plain = {name: each.default for name, each in cls.model_fields.items()}
        return {**fields, **known.layers_of_its_class({**plain, **fields}), **given}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        refuse_nonsense(self)
        return self

    def usual(self, name: str) -> FieldValue:
        """Return what a field is where nothing is said of it: a switch as its family has it."""
        is_switch = not self.known[name].letter
        if is_switch and self.family != "gpt2" and name in self.of_family.ways:
            return self.of_family.ways[name]
        return super().usual(name)

    def replace(self, **fields: object) -> "ModelConfig":
        """Return this config with some fields replaced, checked like a new one.

        An ``n_head`` that does not divide a new ``n_embd`` gives way to its rule, unless it is
        given anew. A new ``family`` brings its switches along.
        """
        given = self.model_dump() | fields
        if fields.get("family", self.family) != self.family:
            given = ModelConfig.of(self._numbers() | fields).model_dump()
        width, heads = given["n_embd"], self.n_head
        gives_way = "n_head" not in fields and given["head_dim"] is None
        if gives_way and heads and isinstance(width, int) and width % heads:
            given["n_head"] = None
        return ModelConfig(**given)

    def _numbers(self) -> dict[str, object]:
        """Return the numbers that are given, which no family decides."""
        numbers = {name: self.given(name) for name in self.numbers()}
        return {name: number for name, number in numbers.items() if number is not None}

    def title(self, leaving_out: Collection[str] = ()) -> str:
        """Say which model it is: ``"GPT-2 with 12 layers, width 768, ..."``."""
        words = self.in_words({"family", *leaving_out})
        return f"{self.family_words} with {words}" if words else self.family_words
