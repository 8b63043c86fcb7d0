"""Papermill's parameters as Swift: `papermill -p rate 0.1 in.ipynb out.ipynb` puts `let rate = 0.1` into a cell.

Papermill finds this file by the entry point beside it, which scripts/install-python writes.
"""

import math
import re

from papermill.engines import NBClientEngine
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators


class SwiftTranslator(Translator):
    @classmethod
    def translate_str(cls, value):
        escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
        return '"' + "".join(escapes.get(character, character) for character in str(value)) + '"'

    # What papermill falls back to for other types, such as dates.
    translate_escaped_str = translate_str

    @classmethod
    def translate_none(cls, value):
        raise ValueError("nil has no type of its own in Swift: leave the parameter out, and its cell's value stays")

    @classmethod
    def translate_float(cls, value):
        if math.isfinite(value):
            return repr(value)
        return "Double.nan" if math.isnan(value) else f"{'-' if value < 0 else ''}Double.infinity"

    @classmethod
    def translate_list(cls, value):
        items = ", ".join(cls.translate(item) for item in value)
        return f"[{items}]" if cls.is_uniform(value) else f"[{items}] as [Any]"

    @classmethod
    def translate_dict(cls, value):
        items = ", ".join(f"{cls.translate_str(key)}: {cls.translate(item)}" for key, item in value.items()) or ":"
        return f"[{items}]" if cls.is_uniform(value.values()) else f"[{items}] as [String: Any]"

    @staticmethod
    def is_uniform(values) -> bool:
        """Whether Swift finds the elements' type by itself: numbers of both kinds are Double."""
        kinds = {float if type(value) is int else type(value) for value in values}
        return len(kinds) == 1 and not kinds & {list, dict}

    @classmethod
    def comment(cls, text):
        return f"// {text}".rstrip()

    @classmethod
    def assign(cls, name, text):
        return f"let {name} = {text}"

    DECLARATION = re.compile(r"^(?:let|var)\s+(\w+)\s*(?::\s*([^=]+?))?\s*=\s*(.*?)\s*(?://\s*(.*))?$")

    @classmethod
    def inspect(cls, parameters_cell):
        found = (cls.DECLARATION.match(line.strip()) for line in parameters_cell["source"].splitlines())
        return [
            Parameter(name=match[1], inferred_type_name=match[2] or "None", default=match[3], help=match[4] or "")
            for match in found if match]


papermill_translators.register("swift", SwiftTranslator)


class SwiftEngine(NBClientEngine):
    """Papermill loads its engines when it starts, and with this one the translator above."""
