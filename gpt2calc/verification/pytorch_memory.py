"""Memory measured in PyTorch: of a step of training, or of a prompt and two new tokens.

Small cases run on real tensors, large ones on fake tensors, which have sizes and no memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.following import tokens_after
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.quantity.case import Case
from gpt2calc.verification.building import (
    SPECIAL_TOKENS,
    checkpoint_every_block,
    set_dropout,
    torch_and_transformers,
)

BytesByPhase = dict[str, int]
"""Bytes by name: peaks of phases, such as "backward", and what is held between and after them."""
MOST_BYTES = 2 * 10**9
"""Bytes up to which a case is run on real tensors."""


def built_for(case: Case) -> Any:
    """Build the class of a case's family in its dtype, on the CPU."""
    torch, transformers = torch_and_transformers()
    words = in_their_words(case.model) | {"attn_implementation": case.attention} | SPECIAL_TOKENS
    words |= {"experts_implementation": case.experts_implementation} if case.n_expert else {}
    theirs = transformers.AutoConfig.for_model(**words)
    set_dropout(theirs, is_on=bool(case.dropout))
    if case.fused_gelu:
        for key in ("activation_function", "hidden_act", "hidden_activation", "afn"):
            if hasattr(theirs, key):
                setattr(theirs, key, "gelu_pytorch_tanh")
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, case.weight_type))
    try:
        model = transformers.AutoModelForCausalLM.from_config(
            theirs, attn_implementation=case.attention
        )
    finally:
        torch.set_default_dtype(before)
    model.loss_type = "ForCausalLM"  # left to itself, it warns that it has to guess
    if case.training and case.checkpointing == "block":
        checkpoint_every_block(model)
    return model.train(bool(case.training))


def run_forward(model: Any, case: Case, ids: Any = None) -> Any:
    """Run a pass over zeros in the dtype of the case, and return the loss."""
    torch, _ = torch_and_transformers()
    if ids is None:
        ids = torch.zeros(case.batch, case.q_len, dtype=torch.long)
    with autocast_context(case, ids.device.type):
        return model(ids, labels=ids, use_cache=False).loss


def autocast_context(case: Case, device: str) -> Any:
    """Return autocast to bfloat16 in mixed precision, else a context that does nothing."""
    torch, _ = torch_and_transformers()
    return torch.autocast(device, dtype=torch.bfloat16) if case.is_mixed else nullcontext()


def measured(case: Case, estimate: int) -> BytesByPhase:
    """Return the bytes that a run holds, on fake tensors if ``estimate`` exceeds ``MOST_BYTES``."""
    with nullcontext() if estimate <= MOST_BYTES else without_memory():
        model = built_for(case)
        return _trained(model, case) if case.training else _served(model, case)


def _trained(model: Any, case: Case) -> BytesByPhase:
    """Measure a second step: the optimizer has no state before its first one."""
    torch, _ = torch_and_transformers()
    from gpt2calc.verification.live import Live

    optimizer = optimizer_for(case, model)
    ids = torch.zeros(case.batch, case.q_len, dtype=torch.long)
    given = [*model.parameters(), *model.buffers(), ids]
    standing = _bytes_of([*model.parameters(), ids])
    found: BytesByPhase = {}
    with Live(given) as live:
        for _ in range(2):
            if case.grad_accumulation > 1:
                run_forward(model, case, ids).backward()
            live.log.clear()
            loss = run_forward(model, case, ids)
            found["forward"] = standing + _most(live)
            found["kept for backward"] = live.bytes - _state_of(optimizer, model)
            live.log.clear()
            loss.backward()
            found["backward"] = standing + _most(live)
            live.log.clear()
            optimizer.step()
            found["step"] = standing + max(_most(live), live.bytes)
            optimizer.zero_grad()
            del loss
        found["held at the end"] = standing + live.bytes
    return found


def _state_of(optimizer: Any, model: Any) -> int:
    """Return the bytes of an optimizer's state, and of gradients that are there already."""
    state = [each for kept in optimizer.state.values() for each in kept.values()]
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    return _bytes_of([each for each in state if hasattr(each, "numel")] + gradients)


def _served(model: Any, case: Case) -> BytesByPhase:
    """Measure a prompt and two new tokens; the prompt alone where the class has no cache."""
    torch, _ = torch_and_transformers()
    from gpt2calc.verification.live import Live

    ids, token = (torch.zeros(case.batch, n, dtype=torch.long) for n in (case.q_len, 1))
    words: dict[str, Any] = {"logits_to_keep": 1} if case.last_logits else {}
    has_cache = case.model.architecture.decoder.has_cache
    words |= {"use_cache": True} if has_cache else {}
    given = [*model.parameters(), *model.buffers(), ids, token]
    standing = _bytes_of([*model.parameters(), ids])
    found: BytesByPhase = {}
    with torch.no_grad(), Live(given) as live:
        with autocast_context(case, "cpu"):
            outputs = model(ids, **words)
        found["prefill"] = standing + _most(live)
        cache = outputs.cache if has_cache else None
        del outputs
        found["held after prefill"] = live.bytes
        for part in ("token 1", "token 2")[: tokens_after(case)] if has_cache else ():
            live.log.clear()
            with autocast_context(case, "cpu"):
                outputs = model(token, cache=cache, **words)
            found[part] = standing + _most(live)
            del outputs
    return found


def _most(live: Any) -> int:
    return max((each.live for each in live.log), default=0)


def _bytes_of(tensors: Any) -> int:
    return sum(each.numel() * each.element_size() for each in tensors)


@contextmanager
def without_memory() -> Iterator[None]:
    """Make every new tensor a fake one, which has sizes and no memory.

    Transformers takes fake tensors for tracing, and would build a mask that a real run does not.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers import masking_utils

    name = "find_packed_sequence_indices"
    before = getattr(masking_utils, name, None)
    setattr(masking_utils, name, lambda *_: None)
    try:
        with FakeTensorMode():
            yield
    finally:
        setattr(masking_utils, name, before)


def peak_on_gpu(case: Case) -> int:
    """Return what PyTorch allocated at the peak of a second step, or of a prompt, on a GPU."""
    torch, _ = torch_and_transformers()
    if not torch.cuda.is_available():
        raise UserError("there is no GPU that PyTorch can use here: verify without --device")
    return _peak_of_a_real_run(case)


def _peak_of_a_real_run(case: Case) -> int:  # pragma: no cover - needs a GPU
    torch, _ = torch_and_transformers()
    model = built_for(case).to("cuda")
    ids = torch.zeros(case.batch, case.q_len, dtype=torch.long, device="cuda")
    if not case.training:
        words: dict[str, Any] = {"logits_to_keep": 1} if case.last_logits else {}
        words |= {"use_cache": True} if case.model.architecture.decoder.has_cache else {}
        torch.cuda.reset_peak_memory_stats()
        with torch.no_grad(), autocast_context(case, "cuda"):
            model(ids, **words)
        return int(torch.cuda.max_memory_allocated())
    optimizer = optimizer_for(case, model)
    for _ in range(2):
        if case.grad_accumulation > 1:
            run_forward(model, case, ids).backward()
        torch.cuda.reset_peak_memory_stats()
        loss = run_forward(model, case, ids)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        del loss
    return int(torch.cuda.max_memory_allocated())


def optimizer_for(case: Case, model: Any) -> Any:
    """Return PyTorch's optimizer for a case, as ``foreach``: the default on GPUs."""
    torch, _ = torch_and_transformers()
    parameters, words = list(model.parameters()), {"lr": 1e-3, "foreach": True}
    match case.optimizer:
        case "adamw":
            return torch.optim.AdamW(parameters, **words)
        case "adafactor":
            return torch.optim.Adafactor(parameters, **words)
        case "sgd" | "momentum":
            momentum = 0.9 if case.optimizer == "momentum" else 0.0
            return torch.optim.SGD(parameters, **words, momentum=momentum)
        case other:
            raise UserError(f"{other} is no optimizer of PyTorch's own: verify with another one")
