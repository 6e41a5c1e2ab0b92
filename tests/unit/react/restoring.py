"""What a hospital goes through between a backup and its restoration, and what must hold when the sweep is done."""

from adapter.store import index, verdicts
from tests.unit.react.hospital import Hospital, creatinine, fit, with_leukaemia
from tests.unit.react.test_sweep import sweep

Told = list[tuple[str, str, str | None]]


async def before_the_backup(hospital: Hospital) -> None:
    """Three patients, all seen."""
    hospital.put(*with_leukaemia("p1"), *with_leukaemia("p2"), *with_leukaemia("p3"))
    await hospital.settle()
    await sweep(hospital)  # the first one reads everything
    assert await sweep(hospital) == 0


async def after_the_backup(hospital: Hospital) -> Told:
    """A result, a deletion, a new patient: notified and done, and then lost with the database; the verdicts then."""
    hospital.clock.pass_(hours=5)
    hospital.put(fit("p1-e", 4, "p1"), creatinine("p1-l", 50, "p1"), *with_leukaemia("p4"))
    hospital.server.delete("Condition/p3-c")
    hospital.server.delete("Patient/p3")
    await hospital.settle()
    hospital.clock.pass_(hours=5)
    await sweep(hospital)
    return told(hospital)


async def check_made_whole(hospital: Hospital, expected: Told) -> None:
    """On the restored database one sweep finds what it has missed, with nobody telling, and no one else's work."""
    assert told(hospital) != expected
    assert await sweep(hospital) == 3  # one with a result, one who is gone, one who is new
    assert told(hospital) == expected
    with hospital.context.database.reading() as connection:
        assert index.of_patient(connection, "Patient/p3") == {}
        assert not [each for each in verdicts.events(connection) if each.patient == "Patient/p3"]
    assert await sweep(hospital) == 0


def told(hospital: Hospital) -> Told:
    """Every verdict."""
    with hospital.context.database.reading() as connection:
        found = [verdicts.of_patient(connection, f"Patient/p{number}").values() for number in range(1, 5)]
    return sorted((each.patient, each.study, each.decision) for some in found for each in some)
