"""Parameters, FLOPs and bytes of GPT-2 and its descendants, counted exactly from a config alone.

>>> from gpt2calc import count, load
>>> count(load("gpt2")).total
124439808
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt2calc.analysis.comparison import Comparison as Comparison
    from gpt2calc.analysis.comparison import compare as compare
    from gpt2calc.analysis.diagnosis import Diagnosis as Diagnosis
    from gpt2calc.analysis.diagnosis import diagnose as diagnose
    from gpt2calc.analysis.optimum import Optimum as Optimum
    from gpt2calc.analysis.optimum import optimum as optimum
    from gpt2calc.analysis.shaping import Shapes as Shapes
    from gpt2calc.analysis.shaping import solve as solve
    from gpt2calc.analysis.solving import Solutions as Solutions
    from gpt2calc.analysis.solving import solve_for as solve_for
    from gpt2calc.analysis.steps import Steps as Steps
    from gpt2calc.analysis.steps import steps as steps
    from gpt2calc.analysis.sweeping import Sweep as Sweep
    from gpt2calc.analysis.sweeping import sweep as sweep
    from gpt2calc.errors import UserError as UserError
    from gpt2calc.metrics.devices import Device as Device
    from gpt2calc.metrics.devices import device as device
    from gpt2calc.metrics.devices import devices as devices
    from gpt2calc.metrics.flops import Flops as Flops
    from gpt2calc.metrics.flops import flops as flops
    from gpt2calc.metrics.generation import Generation as Generation
    from gpt2calc.metrics.generation import generate as generate
    from gpt2calc.metrics.glance import Glance as Glance
    from gpt2calc.metrics.glance import glance as glance
    from gpt2calc.metrics.memory.cache_quantity import cache as cache
    from gpt2calc.metrics.memory.fitting import Fit as Fit
    from gpt2calc.metrics.memory.fitting import fit as fit
    from gpt2calc.metrics.memory.result import Memory as Memory
    from gpt2calc.metrics.memory.result import memory as memory
    from gpt2calc.metrics.parameters import Count as Count
    from gpt2calc.metrics.parameters import SublayerCount as SublayerCount
    from gpt2calc.metrics.parameters import Tally as Tally
    from gpt2calc.metrics.parameters import count as count
    from gpt2calc.metrics.serving import Serving as Serving
    from gpt2calc.metrics.serving import serve as serve
    from gpt2calc.metrics.tensor_table import TensorList as TensorList
    from gpt2calc.metrics.tensor_table import list_tensors as list_tensors
    from gpt2calc.metrics.tensor_table import named_shapes as named_shapes
    from gpt2calc.metrics.tensor_table import tensors as tensors
    from gpt2calc.metrics.throughput import Throughput as Throughput
    from gpt2calc.metrics.throughput import throughput as throughput
    from gpt2calc.metrics.training import Training as Training
    from gpt2calc.metrics.training import train as train
    from gpt2calc.model.config import ModelConfig as ModelConfig
    from gpt2calc.model.sources.presets import Preset as Preset
    from gpt2calc.model.sources.presets import preset as preset
    from gpt2calc.model.sources.presets import presets as presets
    from gpt2calc.model.terms import ParameterTensor as ParameterTensor
    from gpt2calc.quantity.case import Case as Case
    from gpt2calc.quantity.case import case_of as case_of
    from gpt2calc.quantity.models import load as load
    from gpt2calc.quantity.run import Run as Run
    from gpt2calc.report.sublayers import SUBLAYERS as SUBLAYERS
    from gpt2calc.teach.exercises import Sheet as Sheet
    from gpt2calc.teach.exercises import exercise as exercise
    from gpt2calc.teach.explanation import Explanation as Explanation
    from gpt2calc.teach.explanation import explain as explain
    from gpt2calc.teach.formulas import Formulas as Formulas
    from gpt2calc.teach.formulas import formula as formula
    from gpt2calc.verification.flop_verification import FlopsVerification as FlopsVerification
    from gpt2calc.verification.flop_verification import verify_flops as verify_flops
    from gpt2calc.verification.inspection import Inspection as Inspection
    from gpt2calc.verification.inspection import inspect as inspect
    from gpt2calc.verification.memory_verification import MemoryVerification as MemoryVerification
    from gpt2calc.verification.memory_verification import verify_memory as verify_memory
    from gpt2calc.verification.parameters import Verification as Verification
    from gpt2calc.verification.parameters import count_by_name as count_by_name
    from gpt2calc.verification.parameters import verify as verify

__version__ = "0.1.0"

_LAZY = {
    "metrics.parameters": ("Count", "SublayerCount", "Tally", "count"),
    "errors": ("UserError",),
    "model.config": ("ModelConfig",),
    "model.sources.presets": ("Preset", "preset", "presets"),
    "model.terms": ("ParameterTensor",),
    "quantity.models": ("load",),
    "report.sublayers": ("SUBLAYERS",),
    "quantity.case": ("Case", "case_of"),
    "metrics.flops": ("Flops", "flops"),
    "metrics.generation": ("Generation", "generate"),
    "metrics.training": ("Training", "train"),
    "metrics.memory.result": ("Memory", "memory"),
    "metrics.memory.fitting": ("Fit", "fit"),
    "metrics.memory.cache_quantity": ("cache",),
    "metrics.serving": ("Serving", "serve"),
    "metrics.glance": ("Glance", "glance"),
    "metrics.throughput": ("Throughput", "throughput"),
    "metrics.devices": ("Device", "device", "devices"),
    "teach.exercises": ("Sheet", "exercise"),
    "teach.explanation": ("Explanation", "explain"),
    "teach.formulas": ("Formulas", "formula"),
    "metrics.tensor_table": ("TensorList", "list_tensors", "named_shapes", "tensors"),
    "verification.flop_verification": ("FlopsVerification", "verify_flops"),
    "verification.inspection": ("Inspection", "inspect"),
    "verification.memory_verification": ("MemoryVerification", "verify_memory"),
    "verification.parameters": ("Verification", "count_by_name", "verify"),
    "quantity.run": ("Run",),
    "analysis.comparison": ("Comparison", "compare"),
    "analysis.diagnosis": ("Diagnosis", "diagnose"),
    "analysis.optimum": ("Optimum", "optimum"),
    "analysis.shaping": ("Shapes", "solve"),
    "analysis.solving": ("Solutions", "solve_for"),
    "analysis.steps": ("Steps", "steps"),
    "analysis.sweeping": ("Sweep", "sweep"),
}
"""The public names by the module that defines them; a module is imported on first access."""

_MODULE_OF = {name: module for module, names in _LAZY.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        return getattr(import_module(f"gpt2calc.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'gpt2calc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
