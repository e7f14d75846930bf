"""The arguments and the result of a task's function: checked and stored as JSON, rebuilt for every
attempt.

This is the only room for it: definitions, manual starts from Python, REST, the command line and the
pages, and every executor follow the rules written here.
"""

from rota.definitions.arguments.forms import MOST_BYTES, AnnotationForm, MismatchError
from rota.definitions.arguments.overlap_keys import overlap_key_of
from rota.definitions.arguments.parameters import ArgumentMismatch, Parameters, parameters_of
from rota.definitions.arguments.plain import NotPlain, plain
from rota.definitions.arguments.results import jsonable

__all__ = [
    "MOST_BYTES",
    "AnnotationForm",
    "ArgumentMismatch",
    "MismatchError",
    "NotPlain",
    "Parameters",
    "jsonable",
    "overlap_key_of",
    "parameters_of",
    "plain",
]
