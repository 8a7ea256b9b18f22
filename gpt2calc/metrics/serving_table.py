"""Tables of serving: the verdict and what is held, then limits and bounds on speed."""

from gpt2calc.metrics.memory.fitting import NEAR
from gpt2calc.metrics.packed import PACKED
from gpt2calc.metrics.served import Served
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.report.table import Column, Row, Table
from gpt2calc.units import format_bytes

FLAGS = {"dtype": "dtype", "attention": "attention", "seq": "context"}
"""The flags of the command, by the fields of a run."""
BY_RULE = (
    "Prompts are read one at a time, and all users' caches are full: a rule, for engines that do "
    "so. {} exact."
)
IN_16_BITS = "The weights are published in {}; they are counted in {}."
AT_MOST = (
    "Bounds: a step reads weights and caches once at the device's full bandwidth, a prompt takes "
    "the FLOPs of a causal kernel at the full peak. Engines reach a part of that."
)
NOT_HELD = "It does not fit: the speeds are those of GPUs as fast that would hold it."
OF_EXPERTS = "Experts are taken to be chosen evenly."
OF_LATENTS = (
    "Reading a prompt is counted as on a CPU, where latent attention makes a matrix of all scores: "
    "kernels of GPUs make none."
)
WHOLE_ON_EACH = "What a prompt's prefill needs is counted whole on each GPU."


def held(served: Served) -> Table:
    """Return what is held, a row for each part; with several GPUs, a column of each one's bytes."""
    shares = served.tensor_parallel > 1
    caches = served.users * served.cache_each
    packed = f"weights in {served.weight_bits} bits" if served.weight_bits else "weights"
    parts = {
        packed: (served.weights, served.weights_on_one),
        f"cache of {users_said(served.users)}": (caches, served.cache_on_one),
        "reading one prompt": (served.prefill_beyond, served.prefill_beyond),
    }

    def row(name: str, size: int, on_one: int) -> Row:
        return (name, size, format_bytes(size), *((format_bytes(on_one),) if shares else ()))

    return Table(
        title=verdict(served),
        columns=(
            Column("serving"),
            Column("bytes", "count"),
            Column("", "mixed"),
            *((Column("on each GPU", "mixed"),) if shares else ()),
        ),
        rows=tuple(row(name, *sizes) for name, sizes in parts.items()),
        footer=row("total", served.total, served.on_one),
        notes=_notes(served),
    )


def verdict(served: Served) -> str:
    """Say whether it fits; without a device, what it holds."""
    what = f"{users_said(served.users)} of {served.config.q_len:,} tokens"
    if served.device is None:
        return f"Serving {what} holds {format_bytes(served.total)}"
    fits = "It fits" if served.fits else "It does not fit"
    just = ", if only just," if served.is_close else ""
    several = served.tensor_parallel > 1
    on = f"on {served.tensor_parallel} x" if several else "on one"
    sizes = f"{format_bytes(served.on_one)} of {format_bytes(served.device.memory)}"
    return f"{fits}{just} {on} {served.device.name}: {what}, {sizes}{' each' if several else ''}"


def limits(served: Served) -> Table:
    """Return the most users, the longest context, bounds on speed, and what transformers holds."""
    tokens, rows = served.config.q_len, []
    if served.cache_per_token:
        rows.append(("cache of a token", _cache_of_a_token(served)))
    if served.most_users is not None:
        rows.append((f"most users of {tokens:,} tokens", f"{served.most_users:,}"))
    longest = served.longest_context
    if longest is not None:
        is_whole = longest == served.config.n_ctx and not served.config.model.is_endless
        whole = ", the whole context" if is_whole else ""
        rows.append(
            (f"longest context of {users_said(served.users)}", f"{longest:,} tokens{whole}")
        )
    speeds = _speeds(served)
    rows += speeds
    if served.tensor_parallel > 1:
        rows.append(("each GPU sends a step (a rule)", format_bytes(served.sent)))
    rows += _of_transformers(served)
    has_experts = served.config.n_expert is not None and bool(speeds)
    return Table(
        title="",
        columns=(Column("limits"), Column("")),
        rows=tuple(rows),
        notes=(
            *((AT_MOST,) if speeds else ()),
            *((NOT_HELD,) if speeds and not served.fits else ()),
            *((OF_EXPERTS,) if has_experts else ()),
            *_not_known(served),
        ),
    )


def _of_transformers(served: Served) -> list[Row]:
    """Return what one GPU holds if transformers runs all prompts as one batch, and a step after."""
    is_split = served.tensor_parallel > 1
    prompts = (
        "one GPU in transformers, all prompts" if is_split else "transformers, all prompts at once"
    )
    step = "one GPU in transformers, a step" if is_split else "transformers, a step after them"
    first, *later = [*served.in_transformers.values()] or [0]
    sizes = {prompts: first, step: max(later, default=0)}
    return [(name, format_bytes(size)) for name, size in sizes.items() if size]


def users_said(number: int) -> str:
    """Say a number of users."""
    return "1 user" if number == 1 else f"{number:,} users"


def _notes(served: Served) -> tuple[str, ...]:
    margin = f"Of each GPU {format_bytes(served.margin)} is not counted on (--margin)."
    whole = f" {WHOLE_ON_EACH}" if served.tensor_parallel > 1 else ""
    case, packed = served.config, served.weight_bits
    model = case.model
    flags = {name: flag for name, flag in FLAGS.items() if name != "dtype" or not packed}
    exact = "Caches are" if packed else "Weights and caches are"
    published, counted = model.published_dtype, f"{packed} bits" if packed else case.dtype
    is_other = served.asked.dtype is None and published not in ("bfloat16", "float16")
    holds_scores = model.is_latent and served.config.attention != "flash"
    return (
        *((NEAR,) if served.is_close else ()),
        *((margin,) if served.device else ()),
        *assumed(served.config, "memory", flags, served.asked),
        *((IN_16_BITS.format(published, counted),) if is_other else ()),
        *((f"{PACKED} The cache is in {case.dtype}.",) if packed else ()),
        f"{BY_RULE.format(exact)}{whole}",
        *((OF_LATENTS,) if holds_scores else ()),
    )


def _speeds(served: Served) -> list[tuple[str, str]]:
    bounds = served.bounds
    if bounds is None:
        return []
    rows = []
    together, each = bounds.tokens_per_second, bounds.tokens_per_second_each
    if together is not None and each is not None:
        of_all = f", {_rounded(together)} of all" if served.users > 1 else ""
        rows.append(("tokens a second, at most", f"{_rounded(each)} of one user{of_all}"))
    if bounds.prompt is not None:
        rows.append(("time to the first token, at least", _seconds(float(bounds.prompt))))
    if together is not None and bounds.prompt is not None:
        since = bounds.compute_bound_from
        said = "never: reading the caches takes longer" if since is None else users_said(since)
        rows.append(("a step is compute-bound from", said))
    return rows


def _cache_of_a_token(served: Served) -> str:
    first, further = served.cache_per_token, served.cache_of_next_token
    if first == further or not served.config.model.window:
        return format_bytes(first)
    return f"{format_bytes(further)}, {format_bytes(first)} until windows are full"


def _not_known(served: Served) -> tuple[str, ...]:
    """Say which bounds are missing, since the device's bandwidth or peak is not known."""
    device, bounds = served.device, served.bounds
    if device is None or bounds is None:
        return ()
    known = {"bandwidth": device.bandwidth, "peak": bounds.prompt}
    missing = [name for name, figure in known.items() if figure is None]
    if not missing:
        return ()
    figures = " and no ".join(missing)
    return (f"No {figures} is known for this device, so there is no such bound on speed.",)


def _rounded(number: float) -> str:
    """Write a speed to three digits: a bound is no measurement."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.3g} s" if seconds >= 1 else f"{seconds * 1e3:,.3g} ms"
