"""What PyTorch itself holds in training: what it keeps for backward, and the peak of a step.

Tensors have sizes and no memory, so that a model of any size can be followed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from gpt2calc.case import Case
from gpt2calc.errors import UserError
from gpt2calc.footprint.keeping import CHECKPOINTS
from gpt2calc.model.hub import in_their_words
from gpt2calc.model.names import GPT2_NAMES, INSIDE, OUTSIDE
from gpt2calc.proof.verification import torch_and_transformers

Bytes = dict[str, int]
"""Bytes by module, those of all blocks together."""

TRACKED = ("adamw", "sgd", "momentum")
"""Optimizers whose step runs without a number in it."""
AS_ONE = "h.*.attn, after c_attn"
"""Scores, softmax and mix are no modules, and flash attention keeps the input of c_proj itself."""
MEMTRACKER = "PyTorch's MemTracker"


def kept_by_pytorch(case: Case) -> Bytes:
    """Return the bytes of the distinct storages that are kept, by the module that keeps them."""
    torch, _ = torch_and_transformers()
    kept: dict[int, tuple[str, Any]] = {}
    with ExitStack() as stack:
        stack.enter_context(without_memory())
        model = built_for(case)
        own = {each.untyped_storage()._cdata for each in model.parameters()}
        running = _watched(model, stack)

        def keep(tensor: Any) -> Any:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                kept.setdefault(storage._cdata, (running[-1], tensor))
            return tensor

        stack.enter_context(torch.autograd.graph.saved_tensors_hooks(keep, lambda each: each))
        run_forward(model, case)
        sums: Bytes = {}
        for module, tensor in kept.values():
            name = _kind_of(module)
            sums[name] = sums.get(name, 0) + tensor.untyped_storage().nbytes()
    return {name: sums[name] for name in in_order(sums)}


def built_for(case: Case) -> Any:
    """Build transformers' GPT-2 as a case says, ready to be trained."""
    torch, transformers = torch_and_transformers()
    chance = 0.1 if case.dropout else 0.0
    words = in_their_words(case.model) | {
        "n_head": case.known_heads,
        "attn_implementation": "sdpa" if case.attention == "flash" else "eager",
        "activation_function": "gelu_pytorch_tanh" if case.fused_gelu else "gelu_new",
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), chance),
        **dict.fromkeys(("bos_token_id", "eos_token_id")),
    }
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, case.weight_type))
    try:
        model = transformers.GPT2LMHeadModel(transformers.AutoConfig.for_model(**words))
    finally:
        torch.set_default_dtype(before)
    model.loss_type = "ForCausalLM"  # left to itself, it warns that it has to guess
    if case.checkpointing == "block":
        enable = getattr(model, "activation_checkpointing_enable", None)
        (enable or model.gradient_checkpointing_enable)({"use_reentrant": False})
    return model.train()


def run_forward(model: Any, case: Case, ids: Any = None) -> Any:
    """Run a pass over zeros in the precision of the case, and return the loss."""
    torch, _ = torch_and_transformers()
    if ids is None:
        ids = torch.zeros(case.batch, case.queries, dtype=torch.long)
    autocast = torch.autocast(ids.device.type, dtype=torch.bfloat16)
    with autocast if case.is_mixed else nullcontext():
        return model(ids, labels=ids, use_cache=False).loss


@contextmanager
def without_memory() -> Iterator[None]:
    """Let tensors have sizes and no memory.

    Transformers takes such tensors for a tracer's, and would build masks that a real run needs not.
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


def peak_tracked(case: Case) -> tuple[int | None, str]:
    """Return the most that a second step holds; None where the tracker cannot follow it."""
    torch, _ = torch_and_transformers()
    from torch.distributed._tools.mem_tracker import MemTracker

    if case.optimizer not in TRACKED:
        return None, f"MemTracker cannot follow {case.optimizer}"
    if case.grad_accumulation > 1:
        return None, "one batch alone is followed"
    most = 0

    class Watching(MemTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        def __torch_dispatch__(self, *arguments: Any, **words: Any) -> Any:
            nonlocal most
            result = super().__torch_dispatch__(*arguments, **words)  # type: ignore[no-untyped-call]
            snapshot = self.get_tracker_snapshot("current")
            most = max(most, sum(each["Total"] for each in snapshot.values()))
            return result

    with without_memory():
        model = built_for(case)
        optimizer = optimizer_for(case, model)
        ids = torch.zeros(case.batch, case.queries, dtype=torch.long)
        tracker = Watching()
        tracker.track_external(model, optimizer, ids)
        with tracker:
            for _ in range(2):  # the optimizer has no state before its first step
                most = 0
                loss = run_forward(model, case, ids)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                del loss
                tracker.reset_mod_stats()
    return most, MEMTRACKER


def peak_on_gpu(case: Case) -> tuple[int, str]:
    """Return what PyTorch allocated at the peak of a second step on a GPU."""
    torch, _ = torch_and_transformers()
    if not torch.cuda.is_available():
        raise UserError("there is no GPU that PyTorch can use here: verify without --device")
    return _peak_of_a_real_step(case)


def _peak_of_a_real_step(case: Case) -> tuple[int, str]:  # pragma: no cover - needs a GPU
    torch, _ = torch_and_transformers()
    model = built_for(case).to("cuda")
    optimizer = optimizer_for(case, model)
    ids = torch.zeros(case.batch, case.queries, dtype=torch.long, device="cuda")
    for _ in range(2):
        torch.cuda.reset_peak_memory_stats()
        loss = run_forward(model, case, ids)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        del loss
    most: int = torch.cuda.max_memory_allocated()
    return most, f"torch.cuda.max_memory_allocated on {torch.cuda.get_device_name()}"


def optimizer_for(case: Case, model: Any) -> Any:
    """Return PyTorch's optimizer of that name, in the implementation that GPUs use."""
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


def _watched(model: Any, stack: ExitStack) -> list[str]:
    """Return the names of the modules that are running, the innermost last."""
    running = [""]
    for name, module in model.named_modules():
        before = module.register_forward_pre_hook(lambda *_, name=name: running.append(name))
        after = module.register_forward_hook(lambda *_: (running.pop(), None)[1])
        stack.callback(before.remove)
        stack.callback(after.remove)
    return running


def _kind_of(module: str) -> str:
    """Return the module's kind: blocks as one, and what is no module by its own name."""
    name = module.removeprefix("transformer.")
    if not name:
        return GPT2_NAMES.module("loss")
    start, _, rest = name.partition(".")
    inside = rest.partition(".")[2]
    if start == "transformer" or (start == "h" and not inside):
        return CHECKPOINTS
    kind = f"{GPT2_NAMES.blocks}{inside}" if start == "h" else name
    return AS_ONE if kind in ("h.*.attn", "h.*.attn.c_proj") else kind


def in_order(sums: Bytes) -> list[str]:
    """Return the names in the order of the pass."""
    after = ("final_norm", "head", "loss")
    before = (role for role in OUTSIDE if role not in after)
    named = [GPT2_NAMES.module(role) for role in (*before, *INSIDE, *after)]
    order = {name: place for place, name in enumerate(named)}
    order[AS_ONE] = order[GPT2_NAMES.module("mix")]
    order[CHECKPOINTS] = order[GPT2_NAMES.module("embedding_dropout")]
    return sorted(sums, key=lambda name: order.get(name, len(order)))
