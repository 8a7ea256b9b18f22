"""What serving holds over the number of users, against the device's memory."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.metrics.serving import Serving
from gpt2calc.plot.labels import limit_of, whole_ticks
from gpt2calc.plot.style import INK, human_in, is_narrow, legend
from gpt2calc.report.sublayers import colour_of

FEWEST = 8
"""The axis reaches at least so many users."""
BEYOND = 1.25
"""The axis reaches so many times the number of users that fit."""


def over_users(ax: Axes, served: Serving) -> Axes:
    """Draw weights, one prompt and all caches on each GPU, and mark the users asked about."""
    furthest = max(FEWEST, 2 * served.users, int(BEYOND * (served.most_users or 0)))
    users = np.unique(np.linspace(1, furthest, 100).astype(int))
    cache_per_user = served.cache_on_one / served.users
    layers = {
        "weights": np.full(len(users), float(served.weights_on_one)),
        "temporary": np.full(len(users), float(served.prefill_beyond)),
        "cache": cache_per_user * users,
    }
    colours = [colour_of(name) for name in layers]
    names = ["weights", "reading one prompt", "cache"]
    ax.stackplot(users, *layers.values(), colors=colours, labels=names)
    ax.plot(served.users, served.on_one, marker="o", color=INK, clip_on=False)
    if served.device is not None:
        limit_of(ax, served.device)
    ax.set_xlim(1, furthest)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(f"users of {served.config.q_len:,} tokens each")
    ax.yaxis.set_major_formatter(human_in(MEMORY))
    whole_ticks(ax.xaxis, users)
    _legend(ax)
    return ax


def _legend(ax: Axes) -> None:
    """Draw the legend: beside the picture, from the top down, or beneath narrow axes."""
    handles, _ = ax.get_legend_handles_labels()
    beside: Any = {"columns": 1, "bbox_to_anchor": (1.01, 1)}
    beneath: Any = {"columns": 3, "bbox_to_anchor": (-0.02, -0.2), "columnspacing": 1.0}
    legend(ax, handles[::-1], loc="upper left", **(beneath if is_narrow(ax) else beside))
