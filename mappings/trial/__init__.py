"""Trial definitions: their YAML form, its checks, and how they are loaded."""

from mappings.trial.schema import load_definition, load_definitions

__all__ = ["load_definition", "load_definitions"]
