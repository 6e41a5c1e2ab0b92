"""Codes that no map knows: found, counted, listed, and mapped once the list is filled in."""

from pathlib import Path

import msgspec
import pytest

from adapter.errors import DefinitionError
from adapter.fhir.elements import Json
from adapter.record import read_record
from adapter.screening.convert import Conversion, convert
from adapter.screening.setup import Setup
from mappings.patient.local_codes import WORDS, Coder
from mappings.terminology.value_set import read_concept_map
from tests.unit.patient.converting import converted, haemoglobin


def listed(path: Path) -> list[Json]:
    """The elements of the ConceptMap at `path`."""
    return [element for group in msgspec.json.decode(path.read_bytes())["group"] for element in group["element"]]


def seen(element: Json) -> list[object]:
    """Count and samples."""
    return [next(v for k, v in each.items() if k != "url") for each in element["extension"][0]["extension"]]


def test_a_local_code_is_listed_with_its_count_and_samples(tmp_path: Path, strict: Setup) -> None:
    """What a person needs to say what the code means."""
    file = tmp_path / "codes.json"
    units = [converted(haemoglobin(f"{n}", code="HB"), place=f"row {n}") for n in (9, 10, 10, 11, 12)]
    summary = convert(units, Conversion(out=tmp_path / "out", terminology=strict.terminology, unmapped=file))
    (element,) = listed(file)
    assert (element["code"], element["target"]) == ("HB", [{"equivalence": "unmatched"}])
    assert seen(element) == [5, "9 g/dL", "10 g/dL", "11 g/dL"]
    assert summary.unknown == 1


def test_the_filled_list_is_used_by_the_next_run_and_by_the_evaluator(tmp_path: Path, strict: Setup) -> None:
    """The list is the ConceptMap that a policy names as local-codes."""
    file, out = tmp_path / "codes.json", tmp_path / "out"
    convert([converted(haemoglobin(code="HB"))], Conversion(out=out, terminology=strict.terminology, unmapped=file))
    filled = file.read_text().replace('"equivalence": "unmatched"', '"code": "718-7", "equivalence": "equivalent"')
    file.write_text(filled)
    (before,) = (out / "bundles").iterdir()
    terminology = strict.terminology.with_local_maps(read_concept_map("codes.json", file.read_bytes(), ()))
    assert "haemoglobin" in read_record(before.read_bytes(), terminology).observations
    summary = convert([converted(haemoglobin(code="HB"))], Conversion(out=out, terminology=terminology, unmapped=file))
    (after,) = (out / "bundles").iterdir()
    record = read_record(after.read_bytes(), strict.terminology)
    assert "haemoglobin" in record.observations
    assert (summary.unknown, record.unmapped) == (0, ())
    assert file.read_text() == filled


def test_what_was_filled_in_stays_when_more_is_listed(tmp_path: Path, strict: Setup) -> None:
    """A person's work is not overwritten."""
    file = tmp_path / "codes.json"
    conversion = Conversion(out=tmp_path / "out", terminology=strict.terminology, unmapped=file)
    convert([converted(haemoglobin(code="HB"))], conversion)
    file.write_text(file.read_text().replace('"equivalence": "unmatched"', '"code": "1", "equivalence": "equal"'))
    convert([converted(haemoglobin(code="HB"), haemoglobin(code="KREA"))], conversion)
    first, second = listed(file)
    assert (first["code"], first["target"]) == ("HB", [{"code": "1", "equivalence": "equal"}])
    assert (second["code"], second["target"]) == ("KREA", [{"equivalence": "unmatched"}])


def test_words_without_a_code_get_one_so_that_they_can_be_mapped(strict: Setup) -> None:
    """A diagnosis in words is a local code of these words."""
    condition = {"resourceType": "Condition", "code": {"text": "T-ALL,  relapsed"}}
    coded, (unknown,) = Coder(strict.terminology)(condition)
    assert coded["code"]["coding"] == [{"system": WORDS, "code": "T-ALL, relapsed"}]
    assert (unknown.system, unknown.code) == (WORDS, "T-ALL, relapsed")


def test_a_code_of_a_known_system_is_not_listed(strict: Setup) -> None:
    """It was looked up, and means nothing that is asked for; of drugs that is only sure of a classification."""
    other = {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}
    drug = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1"}]}
    assert Coder(strict.terminology)({"resourceType": "Observation", "code": other})[1] == ()
    statement = {"resourceType": "MedicationStatement", "medicationCodeableConcept": drug}
    assert len(Coder(strict.terminology)(statement)[1]) == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"group": [{"element": []}]}', '{"group": 1}'])
def test_a_file_that_is_no_concept_map_is_not_overwritten(content: str, tmp_path: Path, strict: Setup) -> None:
    """It is said before anything is converted."""
    file = tmp_path / "codes.json"
    file.write_text(content)
    with pytest.raises(DefinitionError, match=r"codes\.json"):
        convert([], Conversion(out=tmp_path / "out", terminology=strict.terminology, unmapped=file))
    assert file.read_text() == content
