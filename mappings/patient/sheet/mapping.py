"""A mapping file, read and checked against the catalogue and the known studies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapter.criteria.catalogue import Scale
from adapter.criteria.written import plain
from adapter.errors import DefinitionError
from mappings.patient.dates import DateForms, UnknownDateFormError
from mappings.patient.sheet.columns import About
from mappings.patient.sheet.form import ColumnForm, MappingForm
from mappings.patient.sheet.names import Names
from mappings.terminology.yaml_file import YamlFile, read_yaml
from mappings.trial.form import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What is known of a sheet before it is opened. `file`: where the form was read, None for the default.

    `blanks`: further words for no value, as the tables hold words.
    """

    form: MappingForm
    dates: DateForms
    file: YamlFile | None = None
    blanks: frozenset[str] = frozenset()

    def check_columns(self, headers: Sequence[str]) -> None:
        """Raise DefinitionError if the mapping names a column that the sheet hasn't got."""
        for name, form in self.form.columns.items():
            for header, path in ((name, ("columns", name)), (form.of or name, ("columns", name, "of"))):
                if header not in headers and self.file is not None:
                    raise self.file.error(path, f"the sheet has no column {header!r}; {nearest(header, headers)}")


def load_mapping(path: Path | None, names: Names) -> Mapping:
    """The mapping in a file, or the default one. Raises DefinitionError with file and line of what is wrong."""
    if path is None:
        return Mapping(form=MappingForm(), dates=DateForms.of(()))
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        msg = f"{path}: can't be read as UTF-8 text; save it so"
        raise DefinitionError(msg) from error
    file = read_yaml(str(path), text)
    form = file.checked(MappingForm)
    for header, column in form.columns.items():
        _check(column, ("columns", header), file, names)
    try:
        dates = DateForms.of(form.dates)
    except UnknownDateFormError as error:
        raise file.error(("dates",), str(error)) from error
    return Mapping(form=form, dates=dates, file=file, blanks=frozenset(map(plain, form.blanks)))


def _check(column: ColumnForm, path: tuple[str, str], file: YamlFile, names: Names) -> None:
    """Everything that a column names must be known, and a unit must convert into its analyte's own."""
    catalogue = names.terminology.catalogue
    known: dict[About, Collection[str]] = {
        About.ANALYTE: catalogue.analytes,
        About.CONDITION: catalogue.conditions,
        About.EXPOSURE: catalogue.exposures,
        About.ALLERGY: catalogue.substances,
        About.CONSENT: names.studies,
        About.ATTESTATION: names.labels,
    }
    for about, listed in known.items():
        name = getattr(column, about.value)
        if name is not None and name not in listed:
            raise file.error((*path, about.value), f"no {about} {name!r}; {nearest(name, listed)}")
    if column.analyte is not None and column.unit is not None:
        analyte = catalogue.analytes[column.analyte]
        if analyte.scale is Scale.QUANTITY and names.terminology.factor(analyte, None, column.unit) is None:
            msg = f"{column.unit!r} does not convert to {analyte.unit}, the unit of {analyte.id}; correct it"
            raise file.error((*path, "unit"), msg)
