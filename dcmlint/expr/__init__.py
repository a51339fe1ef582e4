"""The expression language of rules and of the conditions in the standard's tables.

The grammar is borrowed from CEL; the meaning is our own and stands, as a table that the tests run, in
``docs/expressions.md``.  Expressions are compiled once, with all names and types checked, and evaluated on
scopes: nothing is copied out of a data set, only what an expression asks for is read.
"""

from dcmlint.expr import codes, dates  # noqa: F401 - register their functions
from dcmlint.expr.describe import describe
from dcmlint.expr.expression import Expression, compile_expression
from dcmlint.expr.functions import FORMS, FunctionSignature, function, functions
from dcmlint.expr.message import Message, Show, parse_message, shown
from dcmlint.expr.source import SourceRef
from dcmlint.expr.types import (
    ANY,
    BOOL,
    BYTES,
    ITEM,
    ITEMS,
    NUMBER,
    TAG,
    TEXT,
    AttributeName,
    FactType,
    Names,
    Type,
    attribute_type,
    list_of,
    named_type,
)
from dcmlint.expr.values import ABSENT, UNKNOWN, Absent, Missing, Operand, Reading, Scope, Unknown

__all__ = [
    "ABSENT",
    "ANY",
    "BOOL",
    "BYTES",
    "FORMS",
    "ITEM",
    "ITEMS",
    "NUMBER",
    "TAG",
    "TEXT",
    "UNKNOWN",
    "Absent",
    "AttributeName",
    "Expression",
    "FactType",
    "FunctionSignature",
    "Message",
    "Missing",
    "Names",
    "Operand",
    "Reading",
    "Scope",
    "Show",
    "SourceRef",
    "Type",
    "Unknown",
    "attribute_type",
    "compile_expression",
    "describe",
    "function",
    "functions",
    "list_of",
    "named_type",
    "parse_message",
    "shown",
]
