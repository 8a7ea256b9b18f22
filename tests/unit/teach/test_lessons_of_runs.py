"""What the lessons of FLOPs and of memory say, against brute force over the cases they speak of."""

import re

import pytest

from gpt2calc import ModelConfig, Run, exercise, explain, flops, load, memory
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import START
from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.units import format_bytes


def said_of(of, run=None, model="gpt2"):
    return " ".join(explain(case_of(load(model), run or Run()), of=of).lessons)


def test_where_scores_outweigh_the_mlp():
    (length,) = re.findall(r"From ([\d,]+) tokens on", said_of("flops"))
    length = int(length.replace(",", ""))
    wide = load("gpt2").replace(n_ctx=10_000)
    below, at = (flops(wide, Run(seq=length + n)) for n in (-1, 0))
    assert below["scores"].total <= below["mlp"].total
    assert at["scores"].total > at["mlp"].total


def test_what_two_n_a_token_and_the_head_come_to():
    said = said_of("flops")
    per_token = flops("gpt2").per_token
    assert f"{2 * 124_439_808 / per_token - 1:+.1%}" in said
    assert f"takes {flops('gpt2')['lm_head'].share:.2%} of all FLOPs" in said
    assert "is close to what it takes" in said_of("flops", Run(seq=64))
    assert "for one matrix" in " ".join(
        explain(case_of(ModelConfig(tie_embeddings=False)), of="flops").lessons
    )
    long = flops(load("gpt2").replace(n_ctx=16_384), Run(seq=16_384))
    assert f"{long['scores'].share:.2%} of all FLOPs" in said
    deep = case_of(load("gpt2").replace(n_ctx=20_000), Run(seq=20_000))
    assert "With sequences" not in " ".join(explain(deep, of="flops").lessons)


def test_scores_of_the_lower_triangle_are_half_as_many():
    full, half = said_of("flops"), said_of("flops", Run(causal=True))
    assert "in a plain block S / 6 d" in full
    assert "in a plain block S / 12 d" in half
    counted = flops("gpt2", Run(causal=True))
    of_weights = counted["projections"].total + counted["mlp"].total
    share = counted["scores"].total / of_weights
    assert f"{share:.2%} of what the weights" in half
    assert share == pytest.approx(1_024 / (12 * 768), rel=1e-3)


def test_nothing_is_said_of_a_head_that_scores_one_token():
    said = said_of("flops", Run(last_logits=True))
    assert "The head takes" not in said
    assert "2 N" not in said
    share = flops("gpt2", Run(last_logits=True))["scores"].share
    assert f"instead of {share:.2%}" in said


def test_embeddings_of_each_layer_are_only_looked_up():
    said = said_of("flops", model="gemma-3n-e2b")
    assert f"counts {2 * 262_144 * 30 * 256:,} for embeddings that are only looked up" in said


def test_what_a_batch_adds():
    said = said_of("memory")
    slope, constant = re.findall(r"memory is ([\d,]+) bytes × batch \+ ([\d,]+):", said)[0]
    line = int(slope.replace(",", "")) * 8 + int(constant.replace(",", ""))
    assert line == memory("gpt2", Run(batch=8)).total


def test_where_probabilities_are_half_of_what_a_block_keeps():
    plain = {"attention": "eager", "dtype": "float32"}
    said = said_of("memory", Run(**plain))
    (length,) = re.findall(r"keeps from ([\d,]+) tokens on", said)
    length, wide = int(length.replace(",", "")), load("gpt2").replace(n_ctx=10_000)

    def share(seq):
        kept = Moments(case_of(wide, Run(seq=seq, training=True, **plain))).saved()
        kept = [term for term in kept if term.in_block]
        square = sum(term.amount for term in kept if "softmax" in term.role)
        return square / sum(term.amount for term in kept)

    assert share(length - 1) <= 0.5 < share(length)
    assert f"they are {share(1_024):.2%}" in said


@pytest.mark.parametrize("ways", [{"dropout": True}, {"attention": "eager"}])
def test_the_lesson_ends_whatever_forms_probabilities_have(ways):
    assert "are half of what a block keeps" in said_of("memory", Run(**ways))


def test_what_flash_and_checkpointing_save():
    plain, flash, again = (
        memory("gpt2", Run(**{"attention": "eager"} | ways))
        for ways in ({}, {"attention": "sdpa"}, {"checkpointing": "block"})
    )
    saved = f"{(plain.kept - flash.kept) / 10**6:,.2f} MB"
    assert f"would keep {saved} more" in said_of("memory")
    said = said_of("memory", Run(attention="eager"))
    assert f"would keep {saved} less" in said
    assert f"{(plain.total - again.total) / 10**9:,.2f} GB less at the peak" in said
    assert "no gradients yet" in said
    thrifty = said_of("memory", Run(attention="sdpa", checkpointing="block", seq=16))
    assert "no gradients yet" not in thrifty
    assert "less at the peak" not in thrifty
    served = case_of(load("gpt2"), Run(training=False, seq=100))
    (line,) = explain(served, of="memory").lessons
    held = memory("gpt2", served.run)
    assert f"{format_bytes(held.total - held['weights'].total)}, at this moment" in line


def test_checkpoints_keep_no_probabilities_that_flash_could_save():
    for attention in ("eager", "sdpa"):
        run = Run(checkpointing="block", attention=attention)
        assert "would keep" not in said_of("memory", run)


def test_states_do_not_grow_with_a_new_token():
    def token(model):
        case = case_of(load(model), Run(training=False, seq=64))
        return next(each for each in explain(case, of="memory").story if "new token" in each)

    assert "the states, which stay as large as they are" in token("mamba-1.4b")
    assert "each layer copies its cache to one that is a token longer" in token("gpt2")
    assert "each layer with attention copies its cache" in token("jamba-1.5-large")


def test_one_token_after_a_cache_is_one():
    case = case_of(load("gpt2"), Run(training=False, seq=1, cached=100))
    assert "What follows the cache, 1 token, goes" in " ".join(explain(case, of="memory").story)


def test_the_closed_form_of_a_llamas_prefill():
    run = Run(
        training=False, dtype="bfloat16", attention="sdpa", last_logits=True, seq=1000, batch=2
    )
    (line,) = explain(case_of(load("llama-3-8b"), run), of="memory").lessons
    assert "4 B S L g w + 8 B S d + 6 B S f + 8 B S + 4 S w + 8 S bytes" in line


def stated(question):
    """The run that a question about memory tells of, read by its words alone."""

    def number(pattern):
        return int(re.search(pattern, question)[1].replace(",", ""))

    dtype, optimizer, attention = re.search(r"in (\w+) with (\w+) and (\w+) att", question).groups()
    assert "forward and backward, at the start of backward" in question
    return Run(
        batch=number(r"batch ([\d,]*\d)"),
        seq=number(r"([\d,]*\d) tokens a sequence"),
        training=True,
        dtype=dtype,
        optimizer=optimizer.lower(),
        attention=attention,
    )


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_exercises_about_memory_solve_the_run_that_they_state(level):
    for seed in range(8):
        (asked,) = exercise(seed, level, of="memory").exercises
        config, question = asked.solved.config, asked.solved.question
        assert "heads" in question or "1 head" in question
        assert asked.solved.answer > 0
        if "What is its seq?" not in question and "What is its batch?" not in question:
            assert config.run == stated(question)
        if level == "hard" and asked.solved.unit == "bytes":
            at_start = Case(config.model, stated(question), moment=START)
            assert asked.solved.answer == MEMORY.total(at_start)


def test_the_bytes_of_a_run_in_float32_with_eager_attention():
    (asked,) = exercise(3, "hard", of="memory").exercises
    assert "in float32 with AdamW and eager attention" in asked.solved.question
    assert asked.solved.answer == 7_107_265_684
    (asked,) = exercise(3, "easy", of="memory").exercises
    assert "softmax" in asked.solved.question  # fused attention has no such tensor


def test_every_kept_tensor_has_its_reason():
    for ways in ({}, {"dtype": "mixed"}, {"dropout": True}, {"attention": "sdpa"}):
        text = explain(case_of(load("gpt2"), Run(**ways)), of="memory").text()
        assert "_softmax" in text or "sdpa" in ways.values() or "softmax" in text
        assert "Is saved for backward" in text
    short = memory("gpt2", Run(checkpointing="block", batch=64))
    assert "All that is left of a block" in explain(short.config, of="memory").text()


def test_the_first_gpt_has_no_new_token():
    said = explain(case_of(load("gpt1"), Run(training=False, seq=8)), of="memory").story
    assert len(said) == 3
    assert "new token" not in " ".join(said)
