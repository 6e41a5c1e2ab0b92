"""Mappings between the adapter's core and the world: trial definitions, terminology, policies, patient data."""
