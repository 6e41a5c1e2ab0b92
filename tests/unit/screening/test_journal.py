"""A screening that was interrupted goes on where it was."""

from datetime import UTC, datetime
from pathlib import Path

from adapter.criteria.truth import Truth
from adapter.evaluator.verdict import Decision
from adapter.screening.run import NAME, Heading, close_journal, interrupted, open_journal
from adapter.screening.screen import PatientOutcome, Row

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEADING = Heading("k1", AS_OF)
ROW = Row(
    study="s1",
    decision=Decision.CANDIDATE,
    unclear=False,
    deceased=False,
    truths=(Truth.MET, Truth.UNKNOWN),
    open=("I2",),
    valid_until=AS_OF,
    line=b'{"study":"s1"}',
    research_subject=None,
)
DONE = PatientOutcome("Patient/p1", "Patient/p1", (ROW,))


def test_what_was_done_comes_back_as_it_was(tmp_path: Path) -> None:
    """Whole, with its verdict's bytes; a failure is not kept, since it is to be tried again."""
    with open_journal(tmp_path, HEADING) as journal:
        journal.add(DONE)
        journal.add(PatientOutcome("Patient/p2", failure="no answer"))
    assert interrupted(tmp_path, "k1") == AS_OF
    with open_journal(tmp_path, HEADING) as journal:
        assert journal.get("Patient/p1") == DONE
        assert journal.get("Patient/p2") is None


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    """The power went while it was written; what is added next stands on a line of its own."""
    with open_journal(tmp_path, HEADING) as journal:
        journal.add(DONE)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes() + b'{"place":"Patient/p2","su')
    other = PatientOutcome("Patient/p3", "Patient/p3", ())
    with open_journal(tmp_path, HEADING) as journal:
        assert journal.get("Patient/p2") is None
        journal.add(other)
    with open_journal(tmp_path, HEADING) as journal:
        assert (journal.get("Patient/p1"), journal.get("Patient/p3")) == (DONE, other)


def test_another_screening_is_not_gone_on_with(tmp_path: Path) -> None:
    """Another policy or another instant: its verdicts would be mixed with ours."""
    with open_journal(tmp_path, HEADING) as journal:
        journal.add(DONE)
    assert interrupted(tmp_path, "k2") is None
    with open_journal(tmp_path, Heading("k2", AS_OF)) as journal:
        assert journal.get("Patient/p1") is None
    with open_journal(tmp_path, HEADING) as journal:
        assert journal.get("Patient/p1") is None


def test_it_is_its_owners_and_goes_when_all_is_done(tmp_path: Path) -> None:
    """It holds patient data."""
    with open_journal(tmp_path, HEADING):
        assert (tmp_path / NAME).stat().st_mode & 0o077 == 0
    close_journal(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_none_of_ours_is_begun_anew(tmp_path: Path) -> None:
    """Of an older version, or damaged."""
    (tmp_path / NAME).write_bytes(b"\x00\xff\nnonsense\n")
    assert interrupted(tmp_path, "k1") is None
    with open_journal(tmp_path, HEADING) as journal:
        assert journal.get("Patient/p1") is None
