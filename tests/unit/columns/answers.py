"""What SQL says of patients beside what the evaluator says: every criterion's truth and reason, the decision."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from adapter.columns.folder import Facts, Writer
from adapter.columns.manifest import Manifest, commit
from adapter.columns.rows import Rows, basis_of
from adapter.columns.sql.cells import UNDECIDED, UNIT
from adapter.columns.sql.query import Query
from adapter.columns.sql.tree import UNTOLD, Study
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator import BoundDefinition, evaluate_all, indications
from adapter.evaluator.columns import TRUTHS
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import CriterionResult, Verdict
from adapter.record import PatientRecord, read_record
from adapter.record.contents import contents_of
from adapter.screening.private import new_file

Patients = Iterable[tuple[str, bytes]]
"""Names, and Bundles in JSON."""

Answer = tuple[str, str]
"""A truth and a reason; of an undecided one empty words, where columns leave it to the evaluation."""

_REASONS = tuple(Reason)


@dataclass
class Differences:
    """What differs, in words; and how many answers there were, how many of them undecided."""

    found: list[str] = field(default_factory=list)
    answers: int = 0
    undecided: int = 0


def write(folder: Path, terminology: Terminology, policy: Policy, patients: Patients) -> Mapping[int, PatientRecord]:
    """Extract patients into a folder of facts; their records by the keys that they have there."""
    data = folder / "data-1"
    data.mkdir(parents=True)
    rows = Rows(terminology, policy)
    records: dict[int, PatientRecord] = {}
    with Writer(data, 2, new_file) as writer:
        for number, (name, bundle) in enumerate(patients):
            contents = contents_of(bundle)
            record = read_record(contents, terminology)
            key, made = rows.of(record, contents, name, number)
            writer.add(key, made)
            records[key] = record
        writer.close(rows.coded)
    manifest = Manifest(
        data=data.name,
        parts=2,
        terminology=terminology.hash,
        basis=basis_of(policy),
        until=None,
        patients=len(records),
        failed=0,
    )
    commit(folder, manifest, new_file)
    Facts(folder).check(terminology, policy)
    return records


def expected(
    records: Mapping[int, PatientRecord], bounds: Sequence[BoundDefinition], policy: Policy, as_of: datetime
) -> Mapping[int, tuple[tuple[Verdict, int], ...]]:
    """The verdicts on each patient, and what they say of the indication: 0 none, 1 one, 2 unclear."""
    found = {}
    for key, record in records.items():
        said = indications(bounds, record, as_of, policy)
        verdicts = evaluate_all(bounds, record, as_of, policy)
        indicated = [1 if has else 2 if unclear else 0 for has, unclear in said]
        found[key] = tuple(zip(verdicts, indicated, strict=True))
    return found


def differences(
    query: Query,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    verdicts: Mapping[int, tuple[tuple[Verdict, int], ...]],
) -> Differences:
    """Where the rows of a query say another thing than the verdicts."""
    found = Differences()
    seen = 0
    for row in rows:
        cells = dict(zip(columns, row, strict=True))
        key = cells["patient"]
        assert isinstance(key, int)
        seen += 1
        for study, (verdict, indicated) in zip(query.studies, verdicts[key], strict=True):
            for said in _of_study(study, cells, verdict, indicated, found):
                found.found.append(f"{verdict.subject} {verdict.study} {said}")
    assert seen == len(verdicts)
    return found


def _of_study(
    study: Study, cells: Mapping[str, object], verdict: Verdict, indicated: int, found: Differences
) -> Iterator[str]:
    results = {each.id: each for top in verdict.criteria for each in _all(top)}
    for name, column in study.nodes:
        cell = cells[column]
        assert isinstance(cell, int)
        wanted = results[name]
        found.answers += 1
        found.undecided += cell == UNDECIDED or cell % UNIT == UNTOLD
        if cell == UNDECIDED:
            continue
        if cell // UNIT >= len(TRUTHS) or (cell % UNIT != UNTOLD and cell % UNIT >= len(Reason)):
            yield f"{name}: {cell}, which is no cell"  # of two that stood beside each other
            continue
        truth = TRUTHS[cell // UNIT]
        reason = None if cell % UNIT == UNTOLD else _REASONS[cell % UNIT]
        if truth is not wanted.result or reason not in (None, wanted.reason):
            yield f"{name}: {truth.value} ({reason}), not {wanted.result.value} ({wanted.reason.value})"
    if cells[study.decision] not in (None, verdict.decision.value):
        yield f"decision: {cells[study.decision]}, not {verdict.decision.value}"
    if cells[study.indicated] not in (3, indicated):
        yield f"indicated: {cells[study.indicated]}, not {indicated}"


def _all(result: CriterionResult) -> Iterator[CriterionResult]:
    yield result
    for part in result.parts:
        yield from _all(part)
