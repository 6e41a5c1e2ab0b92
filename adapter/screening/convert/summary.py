"""What a conversion came to, in numbers."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Summary:
    """Counts of a conversion.

    `units`: rows, messages or table parts that were converted. `resources` by type. `rejected`: single values.
    `lost`: whole rows or messages. `unknown`: different codes that no map knows.
    """

    units: int = 0
    patients: int = 0
    resources: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    lost: int = 0
    unknown: int = 0
