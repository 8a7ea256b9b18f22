"""The config of a checkpoint, from names and shapes of its tensors: switches and sizes."""

from collections import Counter, defaultdict
from itertools import product
from math import gcd
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.family import Family
from gpt2calc.model.fields.declared import letters
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.model.named_parameters import located
from gpt2calc.quantity.symbols import symbol
from gpt2calc.verification.family_from_tensors import Shapes, family_of, names_of

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


def infer_config(path: str, shapes: Shapes, stated: ModelConfig | None) -> ModelConfig:
    """Return the config that most of the tensors agree on; what no tensor shows is taken as stated.

    Args:
        path: where the shapes are from, for messages.
        shapes: of all tensors, by name, with or without what a model with a head puts before it.
        stated: what the ``config.json`` beside them says; None without one.

    Raises:
        UserError: the tensors are not those of a known family, or too few to tell which.

    """
    family = stated.of_family if stated is not None else family_of(path, shapes)
    seen = Seen(path, family, shapes)
    fields: dict[str, Any] = seen.switches() if stated is None else stated.model_dump()
    fields |= _numbers(seen, fields, may_have_heads=stated is None)
    if stated is None or not seen.has("head"):
        fields["tie_embeddings"] = not seen.has("head")
    _refuse_what_lacks_a_size(seen, fields)
    if stated is None:
        fields |= seen.heads(fields)
    elif fields["n_embd"] != stated.n_embd:
        fields["n_head"] = fields["n_kv_head"] = None  # those stated were of another width
    if fields.get("n_inner") == 4 * fields["n_embd"]:
        del fields["n_inner"]  # what the rule gives is left to it
    try:
        return ModelConfig(**fields)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _numbers(seen: "Seen", fields: dict[str, Any], *, may_have_heads: bool) -> dict[str, Any]:
    """Read the numbers that shapes show off those of a model with the switches in ``fields``."""
    family, layers = seen.family, seen.layers()
    own_heads = {"head_dim": GIVEN} if may_have_heads and "n_kv_head" in family.keys else {}
    sizes = _sizes(_with_every_number(fields | own_heads), seen.shapes)
    if not (layers and "n_embd" in sizes):
        raise UserError(
            f"{seen.path} holds no {family.words}: none of its tensors has a {family.words}'s name "
            "and shape"
        )
    found = {name: sizes[name] for name in READ_OFF if name in sizes} | {"n_layer": layers}
    if seen.has("position_embedding") and fields.get("position_offset"):
        found["n_ctx"] = seen.size("position_embedding", 0) - fields["position_offset"]
    return found


def _refuse_what_lacks_a_size(seen: "Seen", fields: dict[str, Any]) -> None:
    """Raise ``UserError`` where nothing tells the vocabulary, or how many positions are learned."""
    is_learned = fields.get("positions", "learned") == "learned"
    needed = {"vocab": "token_embedding"} | ({"n_ctx": "position_embedding"} if is_learned else {})
    for name, role in needed.items():
        if name not in fields:
            raise UserError(
                f"{seen.path} has no {seen.family.names.of_tensor(role, 'weight')}, and without it "
                f"nothing tells its {name}"
            )


class Seen:
    """What the names and shapes of tensors show of a model of a family."""

    def __init__(self, path: str, family: Family, shapes: Shapes) -> None:
        self.path = path
        self.family = family
        self.shapes = shapes
        names = family.names
        self._bare = {names.bare(name): shape for name, shape in shapes.items()}
        self._kinds: dict[str, list[tuple[int, ...]]] = defaultdict(list)
        for name, shape in self._bare.items():
            self._kinds[names.pattern(name)].append(shape)

    def has(self, role: str, kind: str = "weight") -> bool:
        """Tell whether any layer has a tensor of this role."""
        return bool(self._found(role, kind))

    def size(self, role: str, place: int) -> int:
        """Return one dimension of a matrix or a vector. Raises ``UserError`` if there is none."""
        found = self._found(role)
        if not found:
            name = self.family.names.of_tensor(role, "weight")
            raise UserError(f"{self.path} has no {name}, which shows a size of the model")
        shape = found[0]
        if not -len(shape) <= place < len(shape) or not shape[place]:
            raise UserError(
                f"{self.path} has tensors with too few dimensions, or dimensions of 0: no model "
                "has such"
            )
        return shape[place]

    def layers(self) -> int:
        """Return how many blocks there are, by the highest number of a known tensor in one."""
        names, known = self.family.names, names_of(self.family)
        numbers = [names.block(name) for name in self._bare if names.pattern(name) in known]
        blocks = max((number for number in numbers if number is not None), default=-1) + 1
        if blocks > len(self._bare):
            raise UserError(
                f"{self.path} has a block {blocks - 1:,}, but only {len(self._bare):,} tensors"
            )
        return blocks

    def switches(self) -> dict[str, Any]:
        """Return the switches that vary in the family as the tensors show them, and all others."""
        family, has = self.family, self.has
        fields: dict[str, Any] = {**family.default_fields, "n_kv_head": None, **self._biases()}
        fields["gated_mlp"] = has("mlp_gate") or bool(fields.get("gated_mlp"))
        if "_remove_final_layer_norm" in family.extra_keys:
            fields["final_norm"] = has("final_norm")  # OPT-350m has none
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
            fields["n_expert"] = GIVEN
            fields["dense_layers"] = self._layers_without("router")
        if has("shared_in"):
            fields["n_inner_shared"] = GIVEN
        return fields

    def heads(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return heads that fit the widths of queries and keys: no shape shows their number."""
        if not self.has("attention_out"):
            return {}
        width, (outputs, inputs) = fields["n_embd"], (0, 1) if self.family.outputs_first else (1, 0)
        kv = queries = self.size("attention_out", inputs)
        if self.has("key"):
            kv = self.size("key", 0)
        elif self.has("qkv"):
            kv = (self.size("qkv", outputs) - queries) // 2
        has_norm = self.has("query_norm")
        if kv <= 0 or (kv == queries == width and not has_norm):
            return {}
        is_shown = has_norm and fields.get("qk_norm") in ("head", "heads")
        shown = [self.size("query_norm", -1)] if is_shown else []
        fitting = [w for w in (*shown, *USUAL_HEADS) if queries % w == kv % w == 0]
        head = next(iter(fitting), gcd(queries, kv))
        found = {"n_head": queries // head, "n_kv_head": kv // head if kv != queries else None}
        return found | ({"head_dim": head} if queries != width else {})

    def _found(self, role: str, kind: str = "weight") -> list[tuple[int, ...]]:
        family = self.family
        found = self._kinds.get(family.names.of_tensor(role, kind), [])
        for piece in family.hub.get(role, ()) if kind == "weight" else ():
            found = found or self._kinds.get(piece, [])
        return found

    def _biases(self) -> dict[str, Any]:
        """Return which biases the model has, as most of its layers show.

        ``bias`` is what attention's output shows; others are given where they differ from it.
        """
        shown = {}
        for field, roles in BIAS_OF.items():
            weights = sum(len(self._found(role)) for role in roles)
            biases = sum(len(self._found(role, "bias")) for role in roles)
            if weights:
                shown[field] = 2 * biases > weights
        fields: dict[str, Any] = {"bias": shown.get("attn_proj_bias", True)}
        others = {name: has for name, has in shown.items() if has != fields["bias"]}
        # An RMSNorm has no bias that it could lack.
        if not shown.get("norm_bias") and self.family.switches.get("norm", "layer") != "layer":
            others.pop("norm_bias", None)
        return {**dict.fromkeys(BIAS_OF), **fields, **others}

    def _qk_norm(self) -> str:
        shape = self._found("query_norm")[0]
        is_one_by_one = self.family.names.modules["query_norm"].endswith("*")
        if len(shape) == 2 or is_one_by_one:
            return "heads"
        queries = self.size("attention_out", 1)
        return "width" if self.size("query_norm", 0) == queries else "head"

    def _layers_without(self, role: str) -> tuple[int, ...]:
        names = self.family.names
        wanted = {names.of_tensor(role, "weight"), *self.family.hub.get(role, ())}
        with_it = {names.block(name) for name in self._bare if names.pattern(name) in wanted}
        last = max(number for number in map(names.block, self._bare) if number is not None)
        return tuple(number for number in range(last + 1) if number not in with_it)


GIVEN = 1
"""Stands for a size that shapes will show: what is not None gets a letter."""
OF_ALL = (
    "n_layer", "n_embd", "n_head", "vocab", "n_ctx", "n_inner", "n_expert_active", "n_inner_expert",
)  # fmt: skip
"""Numbers that a model has even where no field gives them."""


def _with_every_number(fields: dict[str, Any]) -> Any:
    """Return a config with a letter for each number that it has."""
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
    depth = max(open_config.repetition[0], 1)  # so that each kind of layer is there
    for dense, one_by_one in product(kinds, (False, True)):
        layers = open_config.evaluate_at(n_layer=depth, dense_layers=dense)
        for each in located(layers, one_by_one=one_by_one):
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
