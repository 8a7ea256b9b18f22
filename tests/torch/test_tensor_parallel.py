"""Each GPU's part of the weights under tensor parallelism, against PyTorch's DTensor."""

import pytest

from gpt2calc import ModelConfig
from gpt2calc.metrics.tensor_parallel import parameters_on_one
from gpt2calc.model.sources.to_config_json import in_their_words

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

SHAPES = [
    # GPUs, layers, width, heads, heads of keys, MLP, vocabulary
    (2, 2, 64, 4, 2, 96, 104),
    (4, 2, 64, 4, 4, 96, 104),
    (8, 1, 128, 8, 8, 160, 128),
    (2, 1, 64, 4, 2, 96, 101),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("gpus", "depth", "width", "heads", "groups", "inner", "vocab"), SHAPES)
def test_the_first_gpu_holds_what_dtensor_gives_it(gpus, depth, width, heads, groups, inner, vocab):
    from torch import distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )
    from torch.testing._internal.distributed.fake_pg import FakeStore

    config = ModelConfig(
        family="llama",
        n_layer=depth,
        n_embd=width,
        n_head=heads,
        n_kv_head=groups,
        n_inner=inner,
        vocab=vocab,
        tie_embeddings=False,
    )
    nobody = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    words = transformers.AutoConfig.for_model(**in_their_words(config), **nobody)
    model = transformers.AutoModelForCausalLM.from_config(words)
    distributed.init_process_group("fake", rank=0, world_size=gpus, store=FakeStore())
    try:
        mesh = init_device_mesh("cpu", (gpus,))
        first = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
        first += ("mlp.gate_proj", "mlp.up_proj")
        plan = dict.fromkeys(first, ColwiseParallel())
        plan |= dict.fromkeys(("self_attn.o_proj", "mlp.down_proj"), RowwiseParallel())
        for layer in model.model.layers:
            parallelize_module(layer, mesh, plan)
        ends = {
            "model.embed_tokens": RowwiseParallel(input_layouts=Replicate()),
            "lm_head": ColwiseParallel(output_layouts=Replicate()),
        }
        parallelize_module(model, mesh, ends)
        held = sum(getattr(p, "_local_tensor", p).numel() for p in model.parameters())
    finally:
        distributed.destroy_process_group()
    assert held == parameters_on_one(config, gpus)
