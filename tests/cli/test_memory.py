"""Bytes against PyTorch: what it keeps for backward, the peak of a step, caches, and what fits."""

import json

import pytest

from gpt2calc import (
    memory,
)


def test_a_result_in_every_format(run):
    said = run("memory", "gpt2", "--batch", "8")
    assert "The peak is at the start of backward." in said.out
    as_json = json.loads(run("memory", "gpt2", "--batch", "8", "--format", "json").out)
    parts = ("weights", "gradients", "optimizer", "inputs", "activations", "temporary")
    assert sum(as_json[part] for part in parts) == as_json["total"]
    assert sum(as_json["kept_by"].values()) == as_json["kept"]
    assert max(as_json["phases"].values()) == as_json["total"]
    assert as_json["moments"][as_json["moment"]] == max(as_json["moments"].values())
    assert run("memory", "--training", "--format", "csv").out.splitlines()[0] == "part,bytes,share"
    assert "h.11.attn.c_attn" in run("memory", "--operations").out
    listed = json.loads(run("memory", "--operations", "--format", "json").out)["events"]
    standing = sum(memory("gpt2")[part].total for part in ("weights", "optimizer", "inputs"))
    assert max(each["live"] for each in listed) + standing == memory("gpt2").total
    fitted = json.loads(run("memory", "--training", "--gpu", "t4", "--format", "json").out)["fit"]
    assert fitted["memory"] == 16 * 10**9
    assert "cache" in run("memory", "--inference").out


FSDP = ("--gpus", "2", "--shard", "fsdp")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memory", "--gpu", "a100-8"], "did you mean 'a100-80gb'?"),
        (["memory", "--exact", "--batch", "2"], "leave out --exact"),
        (["memory", "--seq", "2000"], "the model has positions for 1,024 tokens"),
        (["memory", "--batch", "0"], "batch is 0: it must be a positive whole number"),
        (["memory", "--dtype", "int4"], "it must be float32, bfloat16, float16 or mixed"),
        (
            ["verify", "--of", "memory", "--attention", "flash"],
            "flash attention is counted by a rule",
        ),
        (["memory", "--precision", "bfloat16"], "'gpt2calc train'; did you mean '--dtype'?"),
        (["memory", "gemma-3-1b", "--n-layer", "200000"], "is known of at most 100,000"),
        (["memory", "--dropout", "--attention", "sdpa"], "dropout is followed in eager attention"),
        (["memory", "mpt-7b", "--attention", "sdpa"], "which MPT's class has not"),
        (["memory", "mixtral-8x7b", "--experts-implementation", "eager"], "the router chooses"),
        (["memory", "--experts-implementation", "batched_mm"], "there are no experts"),
        (["memory", "gpt1", "--checkpointing", "block"], "which GPT's class has not"),
        (["memory", "gpt1", "--inference", "--cached", "3", "--seq", "1"], "GPT has no cache"),
        (["memory", "gpt-j-6b", "--rotary-dim", "512"], "more than the 256 features of a head"),
        (["memory", "--operations", "--n-layer", "2000"], "events are listed of at most 1,000"),
        (["memory", "--optimizer", "adam"], "it must be adamw, sgd, momentum"),
        (["memory", "--inference", "--dropout"], "dropout applies only to training"),
        (["memory", "--inference", "--optimizer", "sgd"], "optimizer applies only to training"),
        (["solve", "--of", "memory", "--for", "batch"], "a number of bytes, such as 80GB"),
        (["sweep", "--of", "memory", "--gpu", "t4", "--batch", "1,2"], "give --plot with a file"),
        (["memory", "--shard", "fsdp"], "and gpus is 1: give more gpus, such as 8"),
        (["memory", "--zero-stage", "3"], "and gpus is 1: give more gpus, such as 8"),
        (["memory", "--gpus", "8"], "they share nothing: each holds what one does"),
        (
            ["memory", "--inference", "--gpus", "2", "--shard", "fsdp"],
            "shard applies only to training",
        ),
        (
            ["memory", "--inference", "--gpus", "2", "--zero-stage", "1"],
            "zero_stage applies only to training",
        ),
        (["memory", "--gpus", "2", "--shard", "fsdp", "--zero-stage", "1"], "in two ways"),
        (["memory", "--shard", "optimizer"], "optimizer is now --zero-stage 1"),
        (["memory", "--shard", "gradients"], "gradients is now --zero-stage 2"),
        (
            ["memory", "--shard", "parameters"],
            "parameters is now --shard fsdp, or DeepSpeed's --zero-stage 3",
        ),
        (["memory", *FSDP, "--optimizer", "adafactor"], "counted by a rule, and FSDP is not"),
        (["memory", *FSDP, "--master-weights", "float32", "--dtype", "bfloat16"], "DeepSpeed's"),
        (
            ["memory", *FSDP, "--reduce-dtype", "bfloat16", "--dtype", "bfloat16"],
            "of FSDP in mixed precision alone",
        ),
        (["memory", "gpt1", *FSDP, "--dtype", "mixed"], "the first GPT's class"),
        (["memory", "--master-weights", "float32"], "a copy of 16-bit weights"),
        (["memory", "--last-logits"], "last_logits is for generation"),
        (["memory", "--cached", "7", "--seq", "9"], "cached is for generation"),
        (
            ["memory", "--inference", "--training"],
            "given twice, or with its opposite: give one",
        ),
        (["memory", "--margin", "1GB"], "--margin needs --gpu, such as a100-80gb"),
        (["memory", "--gpu", "t4", "--margin", "lots"], "'lots' is no number of bytes"),
        (["memory", "--gpu", "t4", "--margin", "1.5"], "'1.5' is no number of bytes"),
        (["memory", "--n-embd", "100"], "n_head is not given, and n_embd 100"),
        (["memory", "--causal"], "there is no flag --causal"),
        (["flops", "--optimizer", "sgd"], "there is no flag --optimizer"),
        (["compare", "gpt2", "--of", "flops", "--gpus", "2"], "ask --of memory"),
        (["solve", "--of", "memory", "--budget", "1MB", "--for", "batch"], "too few for any batch"),
        (["solve", "--of", "memory", "--budget", "x", "--for", "batch"], "no number of bytes"),
        (
            ["formula", "--of", "memory", "--gpus", "3", "--zero-stage", "1"],
            "leave out --zero-stage",
        ),
        (["formula", "--of", "memory", "--optimizer", "adamw-8bit"], "has no formula in the model"),
        (["sweep", "--gpu", "t4", "--n-layer", "1,2"], "give --of memory, too"),
        (["verify", "--device", "cuda"], "--device needs --of memory"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)
