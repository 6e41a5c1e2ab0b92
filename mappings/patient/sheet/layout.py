"""Headers and a mapping file -> the layout of a sheet. Columns that the mapping doesn't name are read by their header.

A header is a concept's title or id, with its unit in brackets (`Haemoglobin (g/dL)`), `<study>.<criterion>` with any
words after a colon, `<study> consent`, or one of these followed by what the column says beside it (`Haemoglobin date`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapter.criteria.written import plain
from adapter.errors import InputError
from mappings.patient.sheet.columns import About, Beside, Datum, Layout, Names, Row
from mappings.patient.sheet.mapping import ColumnForm, Mapping
from mappings.patient.sheet.words import words


@dataclass(frozen=True, slots=True)
class _Companion:
    """A column beside another, which is named by its header or by what it is about."""

    position: int
    beside: Beside
    of: str | tuple[About, str]


_Column = Row | Datum | _Companion | None


def layout_of(headers: Sequence[str], mapping: Mapping, names: Names) -> Layout:
    """The layout of a sheet with these headers.

    Raises InputError if the sheet can't be used at all (no column of patients, a header twice), and DefinitionError if
    the mapping names a column that isn't there.
    """
    shown = tuple(header.strip() for header in headers)
    _check_once(shown)
    mapping.check_columns(shown)
    columns = [_column(header, position, mapping, names) for position, header in enumerate(shown)]
    rows = {column: position for position, column in enumerate(columns) if isinstance(column, Row)}
    if len(rows) < sum(isinstance(column, Row) for column in columns):
        msg = (
            "two columns say the same of the row (patient, date, …); name one of them under `ignore` in a mapping file"
        )
        raise InputError(msg)
    if Row.PATIENT not in rows:
        msg = (
            f"no column of patients' identifiers among {_listed(shown)}; call it Patient, or name it in a mapping file"
        )
        raise InputError(msg)
    data = [column for column in columns if isinstance(column, Datum)]
    unknown = [
        header
        for header, column in zip(shown, columns, strict=True)
        if column is None and header and header not in mapping.form.ignore
    ]
    for companion in (column for column in columns if isinstance(column, _Companion)):
        found = [datum for datum in data if companion.of in (datum.header, (datum.about, datum.of))]
        for datum in found:
            datum.beside[companion.beside] = companion.position
        if not found:
            unknown.append(shown[companion.position])
    return Layout(rows=rows, data=tuple(data), headers=shown, unknown=tuple(unknown))


def _column(header: str, position: int, mapping: Mapping, names: Names) -> _Column:
    form = mapping.form.columns.get(header)
    if form is not None:
        return _stated(form, header, position)
    if not header or header in mapping.form.ignore:
        return None
    key = plain(header)
    row = words().rows.get(key)
    if row is not None:
        return Row(row)
    datum = _named(header, names)
    if datum is not None:
        return replace(datum, position=position)
    for beside in Beside:
        if key.endswith(f" {beside}"):
            datum = _named(header[: -len(beside) - 1], names)
            return None if datum is None else _Companion(position, beside, (datum.about, datum.of))
    return None


def _stated(form: ColumnForm, header: str, position: int) -> _Column:
    """What the mapping file says that a column is."""
    if form.row is not None:
        return form.row
    if form.beside is not None:
        return _Companion(position, form.beside, form.of or "")
    about = next(about for about in About if getattr(form, about.value) is not None)
    return Datum(
        header=header,
        position=position,
        about=about,
        of=getattr(form, about.value),
        unit=form.unit,
        system=form.system,
        performer=form.performer,
    )


def _named(header: str, names: Names) -> Datum | None:
    """What a header says by itself."""
    known = names.headers.get(plain(header)) or names.headers.get(plain(header.partition(":")[0]))
    if known is not None:
        return Datum(header=header, position=0, about=known[0], of=known[1])
    title, bracket, unit = header.rpartition("(")
    known = names.headers.get(plain(title))
    if bracket and unit.rstrip().endswith(")") and known is not None and known[0] is About.ANALYTE:
        return Datum(header=header, position=0, about=known[0], of=known[1], unit=unit.rstrip()[:-1].strip() or None)
    return None


def _check_once(headers: Sequence[str]) -> None:
    for header in headers:
        if header and headers.count(header) > 1:
            msg = f"the header {header!r} stands twice; give each column its own"
            raise InputError(msg)


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(repr(header) for header in headers[:8])
    return f"{shown}, …" if len(headers) > 8 else shown or "no headers at all"  # noqa: PLR2004  # enough to recognise it
