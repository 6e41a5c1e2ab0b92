"""One patient's record while it is being written: who it is, what day it is, and the resources so far."""

from datetime import date, datetime, time, timedelta, timezone

from demo.builders import Json, reference, without_nothing
from demo.draws import Draws, Spread

HOSPITAL_TIME = timezone(timedelta(hours=1))
"""The hospital's clock: resources carry local times, as real ones do."""

ADULT_FROM = 16
"""The age in years from which the work-up is an adult's (Karnofsky, not Lansky)."""


class Chart:
    """A record under construction. Days are counted back from `as_of`, the day on which the cohort is looked at."""

    def __init__(self, patient_id: str, draws: Draws, as_of: date) -> None:
        """Open an empty record."""
        self.patient_id = patient_id
        self.draws = draws
        self.as_of = as_of
        self.resources: list[Json] = []
        self.sex = "female"
        self.birth = as_of
        self.laboratory = ""
        self._counts: dict[str, int] = {}

    @property
    def subject(self) -> Json:
        """A reference to the patient."""
        return reference(f"Patient/{self.patient_id}")

    @property
    def age(self) -> int:
        """Completed years."""
        return self.age_at(0)

    def age_at(self, days_ago: float) -> int:
        """Years completed so many days ago."""
        day = self.day(days_ago)
        had_birthday = (day.month, day.day) >= (self.birth.month, self.birth.day)
        return day.year - self.birth.year - (0 if had_birthday else 1)

    @property
    def adult(self) -> bool:
        """Old enough for an adult's work-up."""
        return self.age >= ADULT_FROM

    def add(self, resource_type: str, elements: Json, days_ago: float = 0) -> Json:
        """Add a resource and return it; it was last changed `days_ago`."""
        count = self._counts[resource_type] = self._counts.get(resource_type, 0) + 1
        version = "2" if elements.get("status") in {"amended", "corrected", "entered-in-error"} else "1"
        resource: Json = {
            "resourceType": resource_type,
            "id": f"{self.patient_id}-{resource_type.lower()}-{count}",
            "meta": {"versionId": version, "lastUpdated": self.moment(max(days_ago, 0), hour=18)},
            **without_nothing(elements),
        }
        self.resources.append(resource)
        return resource

    def day(self, days_ago: float) -> date:
        """The day so many days back."""
        return self.as_of - timedelta(days=int(days_ago))

    def moment(self, days_ago: float, hour: int | None = None) -> str:
        """An instant on that day: in the working hours, or on the full hour."""
        at = time(hour) if hour is not None else time(self.draws.whole([7, 16]), self.draws.whole([0, 59]))
        return datetime.combine(self.day(days_ago), at, HOSPITAL_TIME).isoformat()

    def when(self, days_ago: float, precision: str) -> str:
        """A dateTime of the precision `time`, `hour` (nine o'clock), `day`, `month` or `year`."""
        if precision in {"time", "hour"}:
            return self.moment(days_ago, 9 if precision == "hour" else None)
        length = {"day": 10, "month": 7, "year": 4}[precision]
        return self.day(days_ago).isoformat()[:length]

    def days(self, spread: Spread) -> int:
        """A whole number of days (or of anything else that is counted) from the spread."""
        return self.draws.whole(spread)
