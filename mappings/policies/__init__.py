"""Policies: the shipped ones as YAML, the form of a policy file, and its published JSON Schema."""
