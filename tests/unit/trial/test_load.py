"""Loading files and folders of definitions."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.join import AtLeast, Not
from adapter.criteria.model import Criterion, TrialDefinition
from adapter.criteria.quantity import Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.errors import DefinitionError
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.person import Sex, SexForClinicalUse
from mappings.site import load_site
from mappings.trial import load_definition, load_definitions

HERE = Path(__file__).parent
SIXTH = HERE / "sixth.yaml"


def statement(definition: TrialDefinition, number: str) -> object:
    """The statement of the criterion or part with this id."""
    (found,) = [found for found in definition.walk() if found.id == number]
    return found.statement


def test_a_sixth_trial_needs_no_code(terminology: Terminology) -> None:
    """A definition in a site's folder stands beside the shipped ones."""
    loaded = load_site(trials=HERE, base=terminology).definitions
    assert [definition.id for definition in loaded][-1] == "sixth"
    assert len(loaded) == 6


def test_every_kind_of_statement(terminology: Terminology) -> None:
    """Kinds that no shipped trial uses can be written too."""
    sixth = load_definition(SIXTH, terminology=terminology)
    assert statement(sixth, "I1") == Sex(sex=SexForClinicalUse.FEMALE)
    assert statement(sixth, "I2.1") == Measurement(
        analyte="creatinine",
        test=QuantityThreshold(Comparator.LESS, Decimal("1.50"), "mg/dL"),
        selection=Selection.HIGHEST,
        window=Duration(6, CalendarUnit.WEEK),
    )
    assert statement(sixth, "I2.2") == Measurement(
        analyte="haemoglobin", test=LimitThreshold(Comparator.AT_LEAST, Decimal("0.8"), LimitOfNormal.LOWER)
    )
    assert statement(sixth, "I2.3") == Measurement(analyte="pregnancy-test", test=False)
    choice = statement(sixth, "I2")
    assert isinstance(choice, AtLeast)
    assert (choice.count, len(choice.parts)) == (2, 3)
    assert statement(sixth, "E1") == Not(
        part=Criterion(
            statement=Measurement(analyte="ecog", test=QuantityThreshold(Comparator.AT_MOST, Decimal(2), "1"))
        )
    )


def test_text_stays_text(terminology: Terminology) -> None:
    """A version like 1.10.0, a label `no` and a date are kept as they are written."""
    sixth = load_definition(SIXTH, terminology=terminology)
    assert sixth.version == "1.10.0"
    assert sixth.study.keywords == ("no", "1.0", "2025-06-01")
    assert sixth.study.start == "2025-06"


def test_a_sites_definition_goes_before_a_shipped_one(tmp_path: Path, terminology: Terminology) -> None:
    """In its place among them, whether the file ends in .yaml or .yml, with a byte order mark or without."""
    (tmp_path / "ours.yml").write_text("\ufeff" + SIXTH.read_text().replace("id: sixth", "id: nct04785833"))
    loaded = load_site(trials=tmp_path, base=terminology).definitions
    assert [each.id for each in loaded] == [each.id for each in load_definitions(terminology=terminology)]
    assert next(each.version for each in loaded if each.id == "nct04785833") == "1.10.0"


def test_two_definitions_of_one_study_in_a_folder_are_refused(tmp_path: Path, terminology: Terminology) -> None:
    """Nobody could say which of them holds."""
    for name in ("first.yaml", "second.yml"):
        (tmp_path / name).write_text(SIXTH.read_text())
    with pytest.raises(DefinitionError, match=r"second\.yml:2: id: 'sixth' is defined in .*first\.yaml already"):
        load_site(trials=tmp_path, base=terminology)


def test_other_files_are_left_alone(tmp_path: Path, terminology: Terminology) -> None:
    """Only `*.yaml` and `*.yml` files of a folder are definitions."""
    (tmp_path / "notes.txt").write_text("no definition")
    (tmp_path / "sixth.yaml").write_text(SIXTH.read_text())
    assert len(load_site(trials=tmp_path, base=terminology).definitions) == 6


def test_a_folder_without_definitions(tmp_path: Path, terminology: Terminology) -> None:
    """Whoever names a folder means to add something: an empty one is probably the wrong one."""
    (tmp_path / "notes.txt").write_text("no definition")
    with pytest.raises(DefinitionError, match=r"no definition stands in this folder; .* end in \.yaml"):
        load_site(trials=tmp_path, base=terminology)


def test_missing_folder(tmp_path: Path, terminology: Terminology) -> None:
    """A folder that isn't there is an error, not an empty one."""
    with pytest.raises(DefinitionError, match="the folder of definitions can't be read"):
        load_site(trials=tmp_path / "absent", base=terminology)


def test_missing_file(tmp_path: Path, terminology: Terminology) -> None:
    """A file that isn't there is an error that names it."""
    with pytest.raises(DefinitionError, match=r"absent\.yaml: the file can't be read"):
        load_definition(tmp_path / "absent.yaml", terminology=terminology)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "mapping"),
        (b"- id: x", "mapping"),
        (b"id: \xff", "save the file as UTF-8"),
        (b"id: a\n---\nid: b\n", "not readable as YAML"),
        (b"id: a\x00", "not readable as YAML"),
    ],
    ids=["empty", "list", "latin-1", "two documents", "null byte"],
)
def test_what_is_no_definition_at_all(tmp_path: Path, terminology: Terminology, content: bytes, said: str) -> None:
    """A file that holds no YAML mapping is refused by name."""
    path = tmp_path / "small.yaml"
    path.write_bytes(content)
    with pytest.raises(DefinitionError, match=r"small\.yaml") as caught:
        load_definition(path, terminology=terminology)
    assert said in str(caught.value)


def test_the_small_trial_loads(small: Path, terminology: Terminology) -> None:
    """The trial that the error tests break is right as it stands."""
    assert load_definition(small, terminology=terminology).id == "small"


def test_units_are_not_parsed_for_the_shipped_trials() -> None:
    """Loading the shipped definitions doesn't import pint but for a unit that isn't the analyte's own."""
    code = (
        "import sys\n"
        "from mappings.trial import load_definitions\n"
        "from mappings.terminology import load_terminology\n"
        "load_definitions(terminology=load_terminology())\n"
        "print('pint' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "False"
