"""The tables of a folder of facts, and what stands in their columns.

A folder holds `manifest.json` and the folder of files that it names, in which each table is a folder of Parquet files:
`observations/part-07.parquet`. The part is that of the patient's key, the same in every table, so that a part can be
asked by itself. The table `coded` is not divided. Every patient stands in it once.

Facts are those of `adapter.record.facts`, read with one terminology. They are free of any as-of, freshness and
assumption. Three things of a policy go into them, which the manifest names and another policy must share: the time
zone, the antigen cut-off and the table of limits of normal (`adapter.columns.rows.Basis`). What a column doesn't carry
is in `records`: the resources themselves, of which the reader makes the same PatientRecord again.

Common to the columns:

- A time is four columns, those of `evaluator.moment.Span`: `<name>_start` and `<name>_end`, instants in UTC, and
  `<name>_first` and `<name>_last`, days in the site's zone. All are null where nothing is said.
- A name of a code is the key of a row of the table `coded`. No code at all is such a row too.
- A number is the double that is nearest to it. Different doubles are in the order of the exact numbers. Where `exact`,
  no number of up to 15 digits but this one has the same double, so that equal doubles are equal numbers; else an equal
  double decides nothing.
- A word is a value of the enum that the fact has, in its own spelling.

Rows -> columns: those of some patients together, ordered by part, so that each part is a slice of a batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Final, NamedTuple

import pyarrow as pa

from adapter.columns.rows import part_of
from adapter.columns.values import Cells, Row

Shared = tuple[pa.Field, ...]
"""Columns side by side whose cells stand in one tuple, which many rows share: they are made once for each tuple."""

Layout = tuple[pa.Field | Shared, ...]
"""What a row of a table is, in the order of its columns."""


@cache
def schema_of(layout: Layout) -> pa.Schema:
    """The columns of a table."""
    return pa.schema([field for column in layout for field in ((column,) if isinstance(column, pa.Field) else column)])


def _time(name: str) -> Shared:
    return (
        *(pa.field(f"{name}_{end}", pa.timestamp("us")) for end in ("start", "end")),
        *(pa.field(f"{name}_{end}", pa.date32()) for end in ("first", "last")),
    )


def _texts(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


def _flags(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.bool_(), nullable=False) for name in names]


def _numbers(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.float64()) for name in names]


def _sets(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.list_(pa.string())) for name in names]


_PATIENT = pa.field("patient", pa.int64(), nullable=False)
"""The key of the patient, `records.key_of`: 63 bits of a hash. Two patients of the same key are refused."""

_FACT = pa.field("fact", pa.int32(), nullable=False)
"""The place of the fact among those of the patient in this table, in the order in which the record holds them."""

_SOURCE = _texts("resource", "version")
"""`record.facts.Source`: the resource as Type/id, and its version."""

_CODED = pa.field("coded", pa.int64(), nullable=False)

PATIENTS: Layout = (
    _PATIENT,
    pa.field("number", pa.int64(), nullable=False),
    *_texts("subject", "place", "gender", "clinical_sex", "birth_sex", "birth_text"),
    pa.field("birth_first", pa.date32()),
    pa.field("birth_last", pa.date32()),
    *_flags("deceased"),
    _time("death"),
    *_texts("site"),
    *_sets("unread", "mentions"),
    *_flags("attested", "issues"),
    pa.field("homes", pa.int32()),
    *_texts("country", "state", "district", "city", "postal_code", "marital"),
    *_sets("languages"),
)
"""One row a patient. `number`: the order in which the source has them; `place`: where in the source. `birth_first`,
`birth_last`: the days that may be the birthday. `site`: the Patient's managingOrganization, as written. `unread`: types
of resources of which one could not be read, `*` where nobody knows what is missing. `mentions`: the concepts that are
named outside their own list. `attested`: an attestation is on record; `issues`: the record has some. `homes`: 0 none,
1 a single one without a period, of which `country` to `postal_code` are (`kinds.person.folded`), 2 several, or with
periods; null where addresses can't be read. `languages`: those that are
spoken, without script and region; an empty text for one without a code."""

OBSERVATIONS: Layout = (
    _PATIENT,
    _FACT,
    *_SOURCE,
    _time("time"),
    pa.field("superseded", pa.timestamp("us")),
    *_flags("shared"),
    (
        pa.field("value_set", pa.string(), nullable=False),
        *_texts("element"),
        *_flags("counts"),
        *_numbers("low", "high"),
        *_flags("low_open", "high_open", "exact"),
        *_texts("number_reason", "unit", "finding", "finding_reason"),
        *_numbers("upper_low", "upper_high", "lower_low", "lower_high"),
        *_flags("limits_exact"),
        *_texts("upper_reason", "lower_reason"),
        *_flags("own_range_impossible", "supported"),
        *_sets("coded", "interpretation"),
        pa.field("boolean", pa.bool_()),
        *_texts("string", "status"),
    ),
)
"""One row a value and value set that holds what was measured; the facts of one value set are counted by themselves.
Those of a value set stand together in stretches of a million rows or so (`adapter.columns.runs`).

`counts`: final, amended or corrected (`Reading.counts`); `status`: which, `preliminary` where the result can't be
relied on. `superseded`: when the first of the values that count begins that begin after this one's end. So at any as-of
the latest values are those that count, have begun and are not superseded yet; `shared`: at some as-of it is one of
several. Null and false of what doesn't count or has no time. Of an analyte (`value_set` is its name) `low` to `high` is
the number to compare in its canonical unit
(`finding.amount_of`); a null bound is open-ended; both are null beside `number_reason`, which says why there is none.
`unit`: as sent. `finding`: positive or negative, else `finding_reason` (`finding.finding`). `upper_low`, `upper_high`:
the least and the greatest upper limit of normal that may hold, else `upper_reason` (`limits.limits_of_normal`); the
same of the lower limit; `limits_exact`: all four are as `exact` says. `own_range_impossible`: see
`limits.contradicts_own_range`; `supported`: see `finding.supported`. All of these are null or false of what is no
analyte. `coded`: value sets of a coded value, null where there is none."""

ATTESTATIONS: Layout = (
    _PATIENT,
    _FACT,
    pa.field("code", pa.string(), nullable=False),
    *_SOURCE,
    *_texts("element", "status", "performer"),
    _time("time"),
    pa.field("boolean", pa.bool_()),
)
"""One row an attestation; `code` is `<study>.<criterion id>`."""

CONDITIONS: Layout = (
    _PATIENT,
    _FACT,
    *_SOURCE,
    _CODED,
    *_texts("shown", "clinical", "verification"),
    _time("onset"),
    _time("recorded"),
    *_flags("abated"),
    _time("abatement"),
    *_flags("encounter", "at_age"),
    *_sets("grades", "levels"),
    *_flags("has_links"),
)
"""One row a ConditionFact, in the order of `all_conditions`."""

EXPOSURES: Layout = (
    _PATIENT,
    _FACT,
    pa.field("list", pa.string(), nullable=False),
    *_SOURCE,
    *_texts("element"),
    _CODED,
    *_texts("shown"),
    _time("start"),
    _time("end"),
    *_flags("open_end", "ordered"),
    *_texts("route"),
    _time("asserted"),
    *_flags("open", "denied", "preventive", "on_demand", "has_dosing", "has_links"),
)
"""One row an ExposureFact. `list`: `exposures` (`all_exposures`), `not-taken` or `immunizations`."""

ALLERGIES: Layout = (
    _PATIENT,
    _FACT,
    *_SOURCE,
    _CODED,
    *_texts("shown", "clinical", "verification"),
    _time("onset"),
    _time("recorded"),
    *_texts("severity"),
)
"""One row an AllergyFact, in the order of `all_allergies`."""

CONSENTS: Layout = (
    _PATIENT,
    _FACT,
    *_SOURCE,
    *_texts("status"),
    *_flags("denied"),
    *_sets("studies"),
    *_flags("specific", "readable"),
    _time("signed"),
    _time("start"),
    _time("end"),
    *_flags("end_is_moment"),
)
"""One row a ConsentFact. `signed`: its `when`; `end_is_moment`: the end is an instant, no day."""

ENTRIES: Layout = (
    _PATIENT,
    _FACT,
    pa.field("list", pa.string(), nullable=False),
    *_SOURCE,
    *_texts("element", "stands", "shown"),
    _time("start"),
    _time("end"),
    *_flags("open_end"),
    _time("asserted"),
)
"""One row an EntryFact; `list` is its EntryList. What it is of, and what it says beside, is in the record only."""

UNMAPPED: Layout = (_PATIENT, *_texts("resource", "type", "system", "code", "text"))
"""One row an entry whose codes no map knows, of every type that is read: a study counts those of its own types."""

RECORDS: Layout = (_PATIENT, *_texts("place"), pa.field("contents", pa.binary(), nullable=False))
"""One row a patient, in the order of `patients`: the resources, as `adapter.columns.rows` writes and reads them."""

CODED: Layout = (_CODED, *_sets("systems", "codes", "value_sets"))
"""One row for the codings that some fact has (`systems` and `codes`, side by side) with the value sets of that fact."""

TABLES: Final[Mapping[str, Layout]] = {
    "patients": PATIENTS,
    "observations": OBSERVATIONS,
    "attestations": ATTESTATIONS,
    "conditions": CONDITIONS,
    "exposures": EXPOSURES,
    "allergies": ALLERGIES,
    "consents": CONSENTS,
    "entries": ENTRIES,
    "unmapped": UNMAPPED,
    "records": RECORDS,
}
"""The tables that are divided by patient."""


TOGETHER = 256
"""Patients whose rows become columns together, if their resources are no more than so many `BYTES`."""

BYTES = 4 << 20


class Divided(NamedTuple):
    """Rows of a table; `counts`: how many of them are in each part, one part after another."""

    batch: pa.RecordBatch
    counts: tuple[int, ...]

    def slices(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows of each part that has some."""
        first = 0
        for part, count in enumerate(self.counts):
            if count:
                yield part, self.batch.slice(first, count)
                first += count


@cache
def _settle_memory() -> None:
    """Take jemalloc for columns, where pyarrow has it.

    mimalloc, which it takes otherwise, gives pages back at once, asks the system for them again, and holds more.
    """
    with suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())


class Gathered:
    """Rows of patients that wait to become columns. `is_full`: when they should: by number, or by size."""

    def __init__(self, parts: int) -> None:
        """Nobody's, divided into so many parts."""
        _settle_memory()
        self._parts = parts
        self._pools: Pools = {}
        self._begin()

    def _begin(self) -> None:
        self._cells: dict[str, list[Cells]] = {}
        self._patients = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether they should become columns."""
        return self._patients >= TOGETHER or self._bytes >= BYTES

    def add(self, patient: int, cells: dict[str, Cells]) -> None:
        """Add a patient's rows (`rows.Rows.of`)."""
        part = part_of(patient, self._parts)
        for name, found in cells.items():
            divided = self._cells.get(name)
            if divided is None:
                divided = self._cells[name] = [[] for _ in range(self._parts)]
            divided[part] += found
        self._patients += 1
        self._bytes += len(cells["records"][-1]) if "records" in cells else 0

    def columns(self) -> dict[str, Divided]:
        """The tables in which somebody has rows; and begin anew."""
        found = {}
        for name, parts in self._cells.items():
            layout = TABLES[name]
            counts = tuple(len(each) // len(layout) for each in parts)
            found[name] = Divided(columns(list(chain.from_iterable(parts)), layout, self._pools), counts)
        self._begin()
        return found


_MOST_POOLED = 1 << 13
"""Tuples of a pool, beyond which it begins anew."""


class _Pool:
    """Columns whose cells stand in tuples, of which many are one and the same: each is converted once.

    They are known by their identity, and kept for it.
    """

    def __init__(self, columns: Shared) -> None:
        self._columns = columns
        self._schema = pa.schema(columns)
        self._begin()

    def _begin(self) -> None:
        self._places: dict[int, int] = {}
        self._kept: list[Row] = []
        self._batch = pa.RecordBatch.from_pylist([], self._schema)

    def arrays(self, cells: Sequence[Row]) -> list[pa.Array]:
        """The columns of some tuples."""
        if len(self._kept) > _MOST_POOLED:
            self._begin()
        named, places = list(map(id, cells)), self._places
        unknown = set(named).difference(places)
        if unknown:
            each = dict(zip(named, cells, strict=True))
            new = [each[name] for name in unknown]
            places.update(zip(unknown, range(len(places), len(places) + len(new)), strict=True))
            self._kept += new
            turned = _turned(list(chain.from_iterable(new)), len(self._columns))
            arrays = [pa.array(values, field.type) for values, field in zip(turned, self._columns, strict=True)]
            batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
            self._batch = pa.concat_batches([self._batch, batch])
        taken = pa.array(list(map(places.__getitem__, named)), pa.int32())
        return list(self._batch.take(taken).columns)


Pools = dict[int, _Pool]
"""Pools of columns, by the identity of these; they are those of `TABLES`, so that it stays their own."""


def columns(cells: Cells, layout: Layout, pools: Pools) -> pa.RecordBatch:
    """Rows of a table as columns."""
    schema = schema_of(layout)
    if not cells:
        return pa.RecordBatch.from_pylist([], schema)
    arrays: list[pa.Array] = []
    for values, column in zip(_turned(cells, len(layout)), layout, strict=True):
        if isinstance(column, pa.Field):
            arrays.append(pa.array(values, column.type))
            continue
        pool = pools.get(id(column))
        if pool is None:
            pool = pools[id(column)] = _Pool(column)
        arrays += pool.arrays(values)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _turned(cells: Cells, width: int) -> Iterator[Cells]:
    """The cells of rows column by column."""
    return (cells[column::width] for column in range(width))
