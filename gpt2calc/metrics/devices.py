"""Devices to train and run on: memory, bandwidth and peak, each from its maker's data sheet."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gpt2calc.dtypes import dtype_called
from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.sources.presets import DEVICES, folder
from gpt2calc.model.sources.reading import read_toml
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.units import parse_bytes

Precision = Literal["float32", "tfloat32", "float16", "bfloat16", "float8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tfloat32", "float16", "bfloat16", "float8")
"""Precisions of matrix products for which a data sheet may give a peak."""
FOR_TRAINING: tuple[Precision, ...] = ("bfloat16", "float16", "float32")
"""What training runs in if no precision is given: the first of these with a peak."""

ALSO_CALLED = {
    "v100": "v100-32gb",
    "a100": "a100-80gb",
    "h100": "h100-sxm",
    "h100-80gb": "h100-sxm",
    "a6000": "rtx-a6000",
    "6000-ada": "rtx-6000-ada",
}
"""What people call devices that come in several forms: the form that most people mean."""
MAKERS = ("nvidia", "geforce", "tesla", "amd", "instinct", "google", "intel")
SOURCES = (
    "Figures are from each device's data sheet, which --format json names; a figure that the sheet "
    "does not give is left empty. --gpu takes a TOML file of your own as well."
)

Figure = Annotated[int, Field(gt=0)]


class Device(BaseModel):
    """One GPU or TPU, as its data sheet describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    memory: Figure
    """Bytes."""
    bandwidth: Figure | None = None
    """Of the memory, bytes a second."""
    peak: dict[Annotated[Precision, BeforeValidator(dtype_called)], Figure] = {}
    """Of dense matrix products, FLOP/s by precision."""
    source: str | None = None
    """The data sheet."""

    def peak_in(self, asked: str | None) -> tuple[str, int]:
        """Return a precision and its peak; 16 bits if the device has them and none is asked for.

        Raises:
            UserError: the data sheet gives no figure for it.

        """
        usual = next((each for each in FOR_TRAINING if each in self.peak), "bfloat16")
        precision = usual if asked is None else str(dtype_called(asked))
        if precision not in self.peak:
            if not self.peak:
                raise UserError(
                    f"no peak is known for {self.name}: give a GPU such as h100, or a TOML file "
                    "with its peak"
                )
            raise UserError(
                f"{self.name}'s data sheet has no peak for {quoted(precision)}: it has "
                f"{', '.join(self.peak)}"
            )
        return precision, self.peak[precision]


@dataclass(frozen=True, repr=False)
class Devices(Listing):
    """All devices that are known by name."""

    devices: dict[str, Device]

    def to_dict(self) -> dict[str, object]:
        """Return memory in bytes, bandwidth in bytes a second, peaks in FLOP/s."""
        return {"devices": [{"id": key, **each.model_dump()} for key, each in self.devices.items()]}

    def items(self) -> list[tuple[str, Device]]:
        """Return each device with its name."""
        return [*self.devices.items()]

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns: figures in bytes and FLOP/s, shown to people in GB and TFLOP/s."""
        return (
            RowField("id", lambda item: item[0], "device"),
            RowField("name", lambda item: item[1].name),
            _figure("memory", lambda each: each.memory, "memory", 1e9),
            _figure("bandwidth", lambda each: each.bandwidth, "GB/s", 1e9),
            *(_figure(name, partial(_peak, name), name, 1e12) for name in PRECISIONS),
            RowField("source", lambda item: item[1].source),
        )

    def title(self) -> str:
        return "Memory in GB (10^9 bytes), its bandwidth in GB/s, peaks in TFLOP/s, dense"

    def notes(self) -> tuple[str, ...]:
        return (SOURCES,)

    def summary(self) -> str:
        return f"{len(self.devices)} devices"


def _figure(key: str, of: Callable[[Device], int | None], heading: str, unit: float) -> RowField:
    """Return the column of a figure: as it is stored in CSV and JSON, over ``unit`` in tables."""

    def value(item: tuple[str, Device]) -> int | None:
        return of(item[1])

    def shown(item: tuple[str, Device]) -> float | None:
        figure = of(item[1])
        if figure is None:
            return None
        rounded = round(figure / unit, 1)
        return int(rounded) if rounded.is_integer() else rounded

    return RowField(key, value, heading, "count", shown)


def _peak(precision: Precision, device: Device) -> int | None:
    return device.peak.get(precision)


def devices() -> Devices:
    """Return all devices that are known by name."""
    path = folder() / DEVICES
    return Devices({key: _device(table, path) for key, table in read_toml(path).items()})


def device(name_or_path: str | Device) -> Device:
    """Return a device by its name or its memory, or from a TOML file.

    Args:
        name_or_path: ``"h100-sxm"``, or as people say it: ``"H100"``, ``"RTX 4090"``, ``"4090"``;
            an amount of memory, ``"24GB"``, for a device of which no more is known; a file; or
            a device, which is returned as it is.

    Raises:
        UserError: no device has that name, or the file cannot be read as a device.

    """
    if isinstance(name_or_path, Device):
        return name_or_path
    known = read_toml(folder() / DEVICES)
    word = _plain(name_or_path)
    for key in (word, ALSO_CALLED.get(word, word), f"rtx-{word}", f"apple-{word}"):
        if key in known:
            return _device(known[key], folder() / DEVICES)
    if _MEMORY.fullmatch(name_or_path.strip()):
        size = parse_bytes(name_or_path)
        if not size:
            raise UserError(f"{quoted(name_or_path)} is no memory: give more, such as 24GB")
        return Device(name=f"device of {name_or_path.strip()}", memory=size)
    path = Path(name_or_path)
    if path.suffix == ".toml":
        contents = read_toml(path)
        tables = [each for each in contents.values() if isinstance(each, dict) and "memory" in each]
        if "memory" not in contents and len(tables) > 1:
            raise UserError(f"{path} has {len(tables)} devices: give a file with one of them")
        return _device(tables[0] if tables and "memory" not in contents else contents, path)
    raise UserError(f"no device is called {quoted(name_or_path)}{_hint(word, known)}")


def _hint(word: str, known: Iterable[str]) -> str:
    """Suggest a device, or an amount of memory; of other chips none whose number is another."""
    if re.fullmatch(r"\d{1,3}", word):
        return f"; for its memory write {word}GB"
    starting = [key for key in known if key.startswith(word)] if word else []
    if starting:
        return f"; did you mean {' or '.join(map(repr, starting))}?"
    alike = [key for key in known if key[:1] == word[:1] and _numbers_begin_as(word, key)]
    return did_you_mean(word, alike) or "; 'gpt2calc devices' lists them"


def _numbers_begin_as(word: str, name: str) -> bool:
    """Tell whether a name's numbers begin as those of a word: the H800 is no slip of H200."""
    ours, theirs = (re.findall(r"\d+", each) for each in (name, word))
    return len(ours) >= len(theirs) and all(map(str.startswith, ours, theirs))


_MEMORY = re.compile(r"[\d.]+ *[kmgt]i?b?", re.IGNORECASE)


def refuse_no_gpus(gpus: int) -> None:
    """Raise ``UserError`` for less than one GPU."""
    if not isinstance(gpus, int) or gpus < 1:
        raise UserError(f"gpus is {gpus}: it must be 1 or more, such as 8")


def _plain(name: str) -> str:
    """Return a name as the file of the devices writes it."""
    words = [word for word in re.split(r"[\s_-]+", name.strip().lower()) if word not in MAKERS]
    return "-".join(words)


def _device(table: object, path: Path) -> Device:
    fields = table if isinstance(table, Mapping) else {}
    try:
        return Device.model_validate({"name": path.stem, **fields})
    except ValidationError as error:
        complaint = error.errors(include_url=False)[0]
        field = ".".join(str(each) for each in complaint["loc"] if each != "[key]")
        if complaint["type"] == "extra_forbidden":
            rule = f"there is no such field; the fields are {', '.join(Device.model_fields)}"
        elif complaint["type"] == "missing":
            raise UserError(
                f"{path} says no {field}: give it, such as memory = 80_000_000_000"
            ) from None
        elif complaint["type"] == "literal_error":
            rule = f"it must be one of {', '.join(PRECISIONS)}"
        else:
            rule = "it must be a positive whole number of bytes or FLOP/s, or a text in quotes"
        raise UserError(f"{path}: {field} is {quoted(complaint['input'])}: {rule}") from None
