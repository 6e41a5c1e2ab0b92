"""The shipped trial definitions, one YAML file each; `trial.schema.json` is their published form."""
