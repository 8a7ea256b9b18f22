"""FLOPs against PyTorch's own counter, published figures and brute force."""

import json

NANOGPTS_OWN = 291_648_307_200
"""A forward pass of GPT-2 small over 1,024 tokens, as nanoGPT's transformer_sizing.ipynb has it."""


def test_a_result_in_every_format(run):
    said = run("flops", "gpt2", "--training")
    assert "291,648,307,200" in said.out
    assert "Per token: 854,438,400." in said.out
    assert "nanoGPT, estimate_mfu" in said.out
    as_json = json.loads(run("flops", "gpt2", "--format", "json").out)
    assert as_json["total"] == NANOGPTS_OWN
    assert as_json["per_token"] == NANOGPTS_OWN // 1_024
    assert as_json["sublayers"]["mlp"]["total"] == 115_964_116_992
    assert as_json["operations"][1]["formula"] == "Bh x S x d/h x S"
    assert [as_json["operations"][1][each] for each in ("times", "m", "k", "n")] == [
        12,
        1_024,
        64,
        1_024,
    ]
    assert run("flops", "--format", "csv").out.splitlines()[0] == "sublayer,total,share"
    assert "**GPT-2 with" in run("flops", "--format", "markdown").out
    assert "h.*.attn.scores" in run("flops", "--operations").out
    assert "prompt of 1,024" in run("flops", "--generate").out
    words = ("--seq", 100, "--cached", 50, "--batch", 3)
    assert "prompt of 100    share  next, cache 50" in run("flops", "--generate", *words).out
