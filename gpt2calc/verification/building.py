"""Building a model's class in transformers: what it takes, and what cannot be built."""

from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.case import Case

LARGEST_TENSOR = (2**63 - 1) // 4
"""Elements of four bytes in the largest tensor that PyTorch can describe."""
DEEPEST = 10_000
"""Blocks that are built at most: PyTorch takes about 2 milliseconds for each."""

REQUIRED = "'torch>=2.4,<2.14' 'transformers>=4.45'"
"""The requirements of the package's extra ``torch``."""

SPECIAL_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
"""Tokens that any vocabulary has: the defaults of the classes are beyond a small one."""
DROPOUT = 0.1
"""The probability where dropout is on; which one it is makes no difference."""


def torch_and_transformers() -> tuple[Any, Any]:
    """Import both. Raises ``UserError`` where one is not installed."""
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed, and gpt2calc verify needs it: pip install {REQUIRED}"
        ) from None
    except (ImportError, OSError) as error:
        raise UserError(
            f"PyTorch and transformers cannot be imported ({error}); install them anew: "
            f"pip install --force-reinstall {REQUIRED}"
        ) from None
    return torch, transformers


def built_on_meta(config: ModelConfig, *, dropout: bool = False) -> tuple[Any, str]:
    """Build the model's class with no memory, and say what it is and of which version.

    Its attention is the eager one, which multiplies scores and values one after the other; its
    experts are multiplied in batches, since none of them has tokens on the meta device.
    """
    torch, transformers = torch_and_transformers()
    builds = config.of_family.class_name
    if not hasattr(transformers, builds):
        raise UserError(
            f"transformers {transformers.__version__} has no {builds}: install a newer one, "
            "pip install --upgrade transformers"
        )
    words = in_their_words(config) | {"attn_implementation": "eager"}
    words |= {"experts_implementation": "batched_mm"} if config.n_expert else {}
    theirs = transformers.AutoConfig.for_model(**words, **SPECIAL_TOKENS)
    set_dropout(theirs, is_on=dropout)
    with torch.device("meta"):
        model = getattr(transformers, builds)(theirs)
    return model, f"{builds} of transformers {transformers.__version__}"


def set_dropout(theirs: Any, *, is_on: bool) -> None:
    """Set all probabilities of dropout in a config of transformers, but for that of layers."""
    for part in (theirs, getattr(theirs, "attn_config", None)):
        known = {} if part is None else vars(part)  # written to past a check that wants integers
        for key in [key for key in known if "drop" in key and not isinstance(known[key], bool)]:
            known[key] = DROPOUT if is_on and key != "layerdrop" else 0.0


def checkpoint_every_block(model: Any) -> None:
    """Let every block run again in backward. Raises ``ValueError`` where the class cannot."""
    newer = getattr(model, "activation_checkpointing_enable", None)
    (newer or model.gradient_checkpointing_enable)({"use_reentrant": False})


def refuse_what_cannot_be_built(config: ModelConfig) -> None:
    """Raise ``UserError`` for a model that transformers or PyTorch cannot build."""
    in_their_words(config)
    if config.n_layer > DEEPEST:
        raise UserError(
            f"n_layer is {config.n_layer:,}: building more than {DEEPEST:,} blocks takes too long; "
            "fewer layers of each kind prove the same"
        )
    largest = max(tensors(config), key=lambda tensor: tensor.each)
    if largest.each > LARGEST_TENSOR:
        raise UserError(
            f"{largest.name(config.names)} has {largest.each:,} elements: PyTorch describes at "
            f"most {LARGEST_TENSOR:,}; verify a smaller model of the same family"
        )


def refuse_tensors_too_large(case: Case) -> None:
    """Raise ``UserError`` for a run whose tensors PyTorch cannot describe."""
    tokens, heads = case.tokens, case.heads or 1
    largest = max(tokens * case.vocab, tokens * case.mlp_width, tokens * heads * case.q_len)
    if largest > LARGEST_TENSOR:
        raise UserError(
            f"a tensor of this run would have {largest:,} elements: PyTorch describes at most "
            f"{LARGEST_TENSOR:,}; verify a smaller batch"
        )
