"""Models on the Hugging Face Hub: their ``config.json``, and the headers of their weights.

All is asked through ``huggingface_hub``, which keeps what it fetched in its own cache and heeds
HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE. No weight is read, and no code of a repository.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from types import ModuleType

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.sources.reading import LARGEST_TEXT

CONFIG = "config.json"
TIMEOUT = 10
"""Seconds to wait for an answer of the Hub."""
NEEDED = "{} is no preset and no file; to look it up on the Hugging Face Hub: pip install '{}[hub]'"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def is_repository(word: str) -> bool:
    """Tell whether a word has the form of a repository's name, ``owner/name``."""
    return _REPOSITORY.fullmatch(word) is not None and not word.endswith((".json", ".toml"))


def fetch_config(repository: str) -> Path:
    """Return the file of a repository's ``config.json``, fetched or from the library's cache.

    Raises:
        UserError: ``huggingface_hub`` is not installed, or the repository has no such file, asks
            for a login, or cannot be reached; the file is larger than a config can be.

    """
    with _in_one_line(repository):
        from huggingface_hub import constants, hf_hub_download

        size = None if constants.HF_HUB_OFFLINE else _size_of_config(repository)
        if size is not None and size > LARGEST_TEXT:
            raise UserError(
                f"{repository}: {CONFIG} has {size:,} bytes: more than the {LARGEST_TEXT:,} that "
                "such a file can be"
            )
        is_there = size is not None
        return Path(
            hf_hub_download(repository, CONFIG, etag_timeout=TIMEOUT, local_files_only=not is_there)
        )


def _size_of_config(repository: str) -> int | None:
    """Return the bytes of a config; None where the Hub cannot be reached: the cache may have it."""
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url

    try:
        found = get_hf_file_metadata(hf_hub_url(repository, CONFIG), timeout=TIMEOUT)
    except (errors.HfHubHTTPError, errors.EntryNotFoundError):
        raise
    except Exception:  # of its client: whether the cache has it, the library says
        return None
    return found.size or 0


def fetch_shapes(repository: str) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor in a repository's safetensors files, by its name.

    Their headers are read by range requests, and no weight. Raises ``UserError`` as
    :func:`fetch_config` does, and where there are no such files.
    """
    with _in_one_line(repository):
        from huggingface_hub import HfApi

        found = HfApi().get_safetensors_metadata(repository, timeout=TIMEOUT)
        return {
            name: tuple(tensor.shape)
            for file in found.files_metadata.values()
            for name, tensor in file.tensors.items()
        }


@contextmanager
def _in_one_line(repository: str) -> Iterator[None]:
    """Raise what goes wrong on the way to the Hub as ``UserError``: one line, with a way out."""
    try:
        from huggingface_hub import errors
    except ImportError:
        raise UserError(NEEDED.format(quoted(repository), "gpt2calc")) from None
    unsilenced = _silenced()
    try:
        yield
    except UserError:
        raise
    except errors.GatedRepoError:
        raise UserError(
            f"{repository} is gated: accept its terms on the Hub, and give HF_TOKEN or run "
            "'hf auth login'"
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"{repository} is neither a preset nor a file nor a public repository on the Hub: "
            "check its name, or give HF_TOKEN for one of your own"
        ) from None
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"{repository} cannot be reached, and is not in the local cache: go online, or give "
            "a file"
        ) from None
    except (errors.NotASafetensorsRepoError, errors.SafetensorsParsingError):
        raise UserError(
            f"{repository} has no whole safetensors files at its top: give a file instead"
        ) from None
    except errors.EntryNotFoundError:
        raise UserError(
            f"{repository} has no {CONFIG}: it is no model of transformers; give a file"
        ) from None
    except Exception as error:  # the library's own, its client's, and the system's alike
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{repository} cannot be read from the Hub: {reason}") from None
    finally:
        unsilenced()


def _silenced() -> Callable[[], None]:
    """Silence the library's progress bars and warnings; the function returned undoes it."""
    from huggingface_hub import utils

    library: ModuleType = utils
    level, had_bars = library.logging.get_verbosity(), not library.are_progress_bars_disabled()
    library.logging.set_verbosity(CRITICAL)
    library.disable_progress_bars()

    def undo() -> None:
        library.logging.set_verbosity(level)
        if had_bars:
            library.enable_progress_bars()

    return undo
