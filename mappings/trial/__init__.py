"""Trial definitions: their YAML form, its checks, and how they are loaded."""

import adapter.kinds  # noqa: F401  # a statement that is loaded knows its kind
from mappings.trial.load import load_definition, load_definitions

__all__ = ["load_definition", "load_definitions"]
