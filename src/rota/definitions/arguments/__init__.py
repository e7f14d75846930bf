"""What a task's function takes and gives: checked and stored as JSON, rebuilt for every attempt.

The one room for it: definitions, manual starts from Python, REST, the command line and the pages,
and every executor go by what stands here.
"""

from rota.definitions.arguments.forms import MOST_BYTES, AnnotationForm, Unfit
from rota.definitions.arguments.parameters import Misfit, Parameters, parameters_of
from rota.definitions.arguments.plain import NotPlain, plain
from rota.definitions.arguments.results import jsonable

__all__ = [
    "MOST_BYTES",
    "AnnotationForm",
    "Misfit",
    "NotPlain",
    "Parameters",
    "Unfit",
    "jsonable",
    "parameters_of",
    "plain",
]
