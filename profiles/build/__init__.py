"""How the package is built: `python -m profiles.build` (`make profiles`). Not part of the distribution."""
