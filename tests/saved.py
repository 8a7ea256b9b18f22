"""What PyTorch keeps for backward, seen by its own hooks: the other side of the proof of bytes."""

from contextlib import nullcontext

import torch
import transformers

TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "mixed": torch.float32}


def built_for(case, device="cpu"):
    """Transformers' GPT-2 as a case says, ready to be trained."""
    p = 0.1 if case.dropout else 0.0
    config = transformers.GPT2Config(
        n_layer=case.n_layer,
        n_embd=case.n_embd,
        n_head=case.known_heads,
        vocab_size=case.vocab,
        n_positions=case.n_ctx,
        n_inner=case.mlp_width,
        tie_word_embeddings=case.tie_embeddings,
        activation_function="gelu_pytorch_tanh" if case.fused_gelu else "gelu_new",
        attn_implementation={"eager": "eager", "flash": "sdpa"}[case.attention],
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), p),
        **dict.fromkeys(("bos_token_id", "eos_token_id")),
    )
    before = torch.get_default_dtype()
    torch.set_default_dtype(TYPES[case.precision])
    try:
        with torch.device(device):
            model = transformers.GPT2LMHeadModel(config)
    finally:
        torch.set_default_dtype(before)
    if case.checkpointing == "block":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model.train()


def precision_of(case):
    """The context that a forward pass runs in."""
    is_mixed = case.precision == "mixed"
    return torch.autocast("cpu", dtype=torch.bfloat16) if is_mixed else nullcontext()


def bytes_saved(case):
    """Bytes of the distinct storages that a forward pass keeps, parameters apart."""
    model = built_for(case)
    own = {each.untyped_storage().data_ptr() for each in model.parameters()}
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = tensor
        return tensor

    ids = torch.zeros(case.batch, case.queries, dtype=torch.long)
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, precision_of(case):
        model(ids, labels=ids, use_cache=False)
    return sum(each.untyped_storage().nbytes() for each in saved.values())
