"""The config of a checkpoint, from names and shapes of its tensors: family, switches, sizes."""

import re
from collections import Counter, defaultdict
from itertools import product
from math import gcd
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.family import Family
from gpt2calc.model.families.table import families
from gpt2calc.model.fields.declared import letters
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.model.naming import located

Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""

BIAS_OF = {
    "qkv_bias": ("qkv", "query"),
    "attn_proj_bias": ("attention_out",),
    "mlp_bias": ("mlp_in", "mlp_gate_in", "experts_in"),
    "norm_bias": ("attention_norm", "mlp_norm", "final_norm"),
}
"""The roles whose tensors show whether there is a bias."""
READ_OFF = (
    "n_layer", "n_embd", "vocab", "n_ctx", "n_inner",
    "n_expert", "n_inner_expert", "n_inner_shared",
)  # fmt: skip
"""The numbers that the shapes of a model show, whatever its switches are."""
USUAL_HEADS = (128, HEAD_WIDTH)
"""Widths of a head that are taken for granted where they fit, since no shape shows them."""


def family_of(path: str, shapes: Shapes) -> Family:
    """Return the family whose names most of the tensors have, the first one of several.

    Raises:
        UserError: no family has such names, or the family's tensors do not tell all of a model.

    """
    alike = _alike(shapes)
    fitting = {family.name: _fit(family, shapes, alike) for family in families().values()}
    best = max(fitting, key=lambda name: fitting[name])
    if best == "gpt_bigcode" and _has_all_heads(families()[best], shapes):
        best = "gpt2"
    if fitting[best][0] and not families()[best].told_by_tensors:
        raise UserError(
            f"{path} holds tensors like {families()[best].words}'s, and they do not tell all of "
            "such a model: put its config.json beside them"
        )
    if not fitting[best][0]:
        raise UserError(
            f"{path} holds no model of a known family: none of its tensors has the name of one"
        )
    return families()[best]


def _has_all_heads(family: Family, shapes: Shapes) -> bool:
    """Tell whether keys and values are as wide as queries.

    Then it is a GPT-2 with its matrices turned, as nanoGPT and others store them.
    """
    names = family.names
    kinds = {names.pattern(name): shape for name, shape in shapes.items()}
    joined = kinds.get(names.of_tensor("qkv", "weight"), ())
    return len(joined) == 2 and max(joined) == 3 * min(joined)


def _alike(shapes: Shapes) -> dict[str, int]:
    """Return one of the names that differ in numbers alone, such as a layer's, and their number.

    A file may have many thousands of tensors, and each name is compared with every family's.
    """
    last: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for name in shapes:
        kind = re.sub(r"(?<=\.)[0-9]+(?=\.)", "*", name)
        last[kind] = name
        numbers[kind] += 1
    return {last[kind]: number for kind, number in numbers.items()}


def _fit(family: Family, shapes: Shapes, alike: dict[str, int]) -> tuple[int, int, int]:
    """Return how well tensors fit a family, in three numbers, the first of which counts most.

    They are: tensors that have the family's names; the family's modules that are lacking, as a
    negative number; and matrices with outputs first, or inputs first, as in the family, which their
    biases show.
    """
    names, known = family.names, _kinds_of(family)
    kinds = {names.pattern(name): shapes[name] for name in alike}
    named = sum(number for name, number in alike.items() if names.pattern(name) in known)
    lacking = sum(f"{names.module(role)}.weight" not in kinds for role in names.modules)
    lie = 0
    for name, shape in kinds.items():
        bias = kinds.get(f"{name.removesuffix('.weight')}.bias", ())
        if name.endswith(".weight") and len(shape) == 2 and len(bias) == 1:
            lie += shape[0 if family.outputs_first else 1] == bias[0]
    return named, -lacking, lie


def infer_config(path: str, shapes: Shapes, stated: ModelConfig | None) -> ModelConfig:
    """Return the config that most of the tensors agree on; what no tensor shows is taken as stated.

    Args:
        path: where the shapes are from, for messages.
        shapes: of all tensors, by name, with or without what a model with a head puts before it.
        stated: what the ``config.json`` beside them says; None without one.

    Raises:
        UserError: the tensors are not those of a known family, or too few to tell which.

    """
    try:
        return _inferred(path, shapes, stated)
    except (IndexError, ZeroDivisionError):
        raise UserError(
            f"{path} has tensors with too few dimensions, or dimensions of 0: no model has such"
        ) from None


def _inferred(path: str, shapes: Shapes, stated: ModelConfig | None) -> ModelConfig:
    family = stated.of_family if stated is not None else family_of(path, shapes)
    seen = _Seen(family, shapes)
    fields: dict[str, Any] = seen.switches() if stated is None else stated.model_dump()
    layers = seen.layers(path)
    has_own_heads = stated is None and "n_kv_head" in family.called
    open_config = _with_every_number(fields | ({"head_dim": 1} if has_own_heads else {}))
    sizes = _sizes(open_config, shapes)
    if not (layers and "n_embd" in sizes):
        raise UserError(
            f"{path} holds no {family.words}: none of its tensors has a {family.words}'s name and "
            "shape"
        )
    fields |= {name: sizes[name] for name in READ_OFF if name in sizes} | {"n_layer": layers}
    if not (stated is not None and seen.has("head")):
        fields["tie_embeddings"] = not seen.has("head")
    if seen.has("position_embedding") and fields.get("position_offset"):
        fields["n_ctx"] = seen.rows("position_embedding") - fields["position_offset"]
    for name, role in {"vocab": "token_embedding", "n_ctx": "position_embedding"}.items():
        if name not in fields and not (
            name == "n_ctx" and fields.get("positions", "learned") != "learned"
        ):
            raise UserError(
                f"{path} has no {family.names.of_tensor(role, 'weight')}, and without it nothing "
                f"tells its {name}"
            )
    if fields.get("n_inner") == 4 * fields["n_embd"]:
        del fields["n_inner"]
    if stated is None:
        fields |= seen.heads(fields)
    elif fields["n_embd"] != stated.n_embd:
        fields["n_head"] = fields["n_kv_head"] = None
    try:
        return ModelConfig(**fields)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


class _Seen:
    """What the names and shapes of tensors show of a model of a family."""

    def __init__(self, family: Family, shapes: Shapes) -> None:
        self._family = family
        names = family.names
        self._shapes = {names.bare(name): shape for name, shape in shapes.items()}
        self._kinds: dict[str, list[tuple[int, ...]]] = defaultdict(list)
        for name, shape in self._shapes.items():
            self._kinds[names.pattern(name)].append(shape)

    def has(self, role: str, kind: str = "weight") -> bool:
        """Tell whether any layer has a tensor of this role."""
        return bool(self._found(role, kind))

    def rows(self, role: str) -> int:
        """Return the rows of a matrix that is there."""
        return self._found(role)[0][0]

    def layers(self, path: str) -> int:
        """Return how many blocks there are, by the highest number of a known tensor in one."""
        names, known = self._family.names, _kinds_of(self._family)
        numbers = [names.block(name) for name in self._shapes if names.pattern(name) in known]
        blocks = max((number for number in numbers if number is not None), default=-1) + 1
        if blocks > len(self._shapes):
            raise UserError(
                f"{path} has a block {blocks - 1:,}, but only {len(self._shapes):,} tensors"
            )
        return blocks

    def switches(self) -> dict[str, Any]:
        """Return the switches that vary in the family as the tensors show them, and all others."""
        family, has = self._family, self.has
        fields: dict[str, Any] = {**family.ways, "n_kv_head": None, **self._biases()}
        fields["gated_mlp"] = has("mlp_gate") or bool(fields.get("gated_mlp"))
        if "_remove_final_layer_norm" in family.extra:
            fields["final_norm"] = has("final_norm")
        if has("query_norm"):
            fields["qk_norm"] = self._qk_norm()
        if not any(has(role) for role in BIAS_OF["norm_bias"]):
            fields["norm"] = "none"
        elif any(has(role, "bias") for role in BIAS_OF["norm_bias"]):
            fields["norm"] = "layer"
        if "norm_place" not in family.switches and has("attention_norm"):
            fields["norm_place"] = "before" if has("mlp_norm") else "shared"
        fields |= {"n_expert": None, "n_expert_active": None}
        if has("experts_in"):
            fields["n_expert"] = 1
            fields["dense_layers"] = self._layers_without("router")
        if has("shared_in"):
            fields["n_inner_shared"] = 1
        return fields

    def heads(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return heads that fit the widths of queries and keys: no shape shows their number."""
        width, out = fields["n_embd"], self._found("attention_out")
        if not out:
            return {}
        queries = out[0][1 if self._family.outputs_first else 0]
        joined, keys = self._found("qkv"), self._found("key")
        kv = queries
        if keys:
            kv = keys[0][0]
        elif joined:
            kv = (joined[0][0 if self._family.outputs_first else 1] - queries) // 2
        norm = self._found("query_norm")
        if kv <= 0 or (kv == queries == width and not norm):
            return {}
        shown = [norm[0][-1]] if norm and fields.get("qk_norm") in ("head", "heads") else []
        fitting = [w for w in (*shown, *USUAL_HEADS) if queries % w == kv % w == 0]
        head = next(iter(fitting), gcd(queries, kv))
        found = {"n_head": queries // head, "n_kv_head": kv // head if kv != queries else None}
        return found | ({"head_dim": head} if queries != width else {})

    def _found(self, role: str, kind: str = "weight") -> list[tuple[int, ...]]:
        family = self._family
        found = self._kinds.get(family.names.of_tensor(role, kind), [])
        for piece in family.hub.get(role, ()) if kind == "weight" else ():
            found = found or self._kinds.get(piece, [])
        return found

    def _biases(self) -> dict[str, Any]:
        """Return which biases the model has, as most of its layers show."""
        shown = {}
        for field, roles in BIAS_OF.items():
            weights = sum(len(self._found(role)) for role in roles)
            biases = sum(len(self._found(role, "bias")) for role in roles)
            if weights:
                shown[field] = 2 * biases > weights
        fields: dict[str, Any] = {"bias": shown.get("attn_proj_bias", True)}
        others = {name: has for name, has in shown.items() if has != fields["bias"]}
        if not shown.get("norm_bias") and self._family.switches.get("norm", "layer") != "layer":
            others.pop("norm_bias", None)
        unsaid = dict.fromkeys(BIAS_OF)
        return unsaid | fields | others

    def _qk_norm(self) -> str:
        shape = self._found("query_norm")[0]
        is_one_by_one = self._family.names.modules["query_norm"].endswith("*")
        if len(shape) == 2 or is_one_by_one:
            return "heads"
        queries = self._found("attention_out")[0][1]
        return "width" if shape[0] == queries else "head"

    def _layers_without(self, role: str) -> tuple[int, ...]:
        names = self._family.names
        wanted = {names.of_tensor(role, "weight"), *self._family.hub.get(role, ())}
        with_it = {names.block(name) for name in self._shapes if names.pattern(name) in wanted}
        last = max(number for number in map(names.block, self._shapes) if number is not None)
        return tuple(number for number in range(last + 1) if number not in with_it)


def _kinds_of(family: Family) -> set[str]:
    """Return the names of all tensors of the family, with one pattern for all blocks."""
    names = family.names
    roles = ("token_embedding", "head", *names.modules) if names.modules else _OF_GPT2
    kinds = {names.of_tensor(role, kind) for role in roles for kind in ("weight", "bias")}
    return kinds | {piece for pieces in family.hub.values() for piece in pieces}


_OF_GPT2 = (
    "token_embedding", "position_embedding", "attention_norm", "qkv", "attention_out",
    "mlp_norm", "mlp_in", "mlp_out", "final_norm", "head",
)  # fmt: skip


OF_ALL = (
    "n_layer", "n_embd", "n_head", "vocab", "n_ctx", "n_inner", "n_expert_active", "n_inner_expert",
)  # fmt: skip
"""Numbers that a model has even where no field gives them."""


def _with_every_number(fields: dict[str, Any]) -> Any:
    """Return a config with a letter for each number that it has."""
    from gpt2calc.quantity.symbols import symbol

    there = {name for name, value in fields.items() if value is not None}
    open_fields = {name for name in letters(ModelConfig) if name in OF_ALL or name in there}
    plain = ModelConfig.model_construct(**{**ModelConfig().model_dump(), **fields})
    return plain.evaluate_at(**{name: symbol(name) for name in open_fields})


def _sizes(open_config: Any, shapes: Shapes) -> dict[str, int]:
    """Read the sizes off the shapes of known tensors, by field; where they differ, most win.

    Tensors of one dimension outvote all others: their shapes cannot be transposed.
    """
    names = open_config.names
    formulas: dict[str, tuple[Any, ...]] = {}
    kinds = ((), (0,)) if open_config.n_expert is not None else ((),)
    for dense, one_by_one in product(kinds, (False, True)):
        block = open_config.evaluate_at(n_layer=1, dense_layers=dense)
        for each in located(block, one_by_one=one_by_one):
            formulas.setdefault(names.pattern(each.name), each.shape)
    votes: dict[str, Counter[tuple[bool, int]]] = defaultdict(Counter)
    for name, shape in shapes.items():
        formula = formulas.get(names.pattern(name), ())
        if len(formula) == len(shape):
            for letter, size in zip(map(str, formula), shape, strict=True):
                votes[letter][len(shape) == 1, size] += 1
    return {
        field: _won(votes[letter])
        for field, letter in letters(ModelConfig).items()
        if votes[letter]
    }


def _won(votes: Counter[tuple[bool, int]]) -> int:
    return max(votes, key=lambda vote: (vote[0], votes[vote]))[1]
