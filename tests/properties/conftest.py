"""How hard the properties search.

By default every run tries the same examples. `HYPOTHESIS_PROFILE=explore` tries many new ones.
"""

import os

from hypothesis import HealthCheck, settings

_SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large]  # a patient is a large example, and that is meant

settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=80, suppress_health_check=_SLOW_TO_DRAW
)
settings.register_profile("explore", deadline=None, max_examples=3000, suppress_health_check=_SLOW_TO_DRAW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
