"""Small made-up releases in the real formats: a few concepts, and codes that no terminology has."""

from collections.abc import Iterable, Sequence
from pathlib import Path

_CONSO = {"cui": 0, "source": 11, "kind": 12, "code": 13, "text": 14}
_REL = {"first": 0, "second": 4, "relation": 7, "source": 10}
_SAT = {"cui": 0, "name": 8, "source": 9, "value": 10}


def _rrf(width: int, places: dict[str, int], rows: Iterable[dict[str, str]]) -> str:
    lines = []
    for row in rows:
        fields = [""] * width
        for name, value in row.items():
            fields[places[name]] = value
        lines.append("|".join(fields) + "|")
    return "\n".join(lines) + "\n"


def _named(cui: str, kind: str, text: str) -> dict[str, str]:
    return {"cui": cui, "source": "RXNORM", "kind": kind, "code": cui, "text": text}


def _classed(cui: str, atc: str) -> dict[str, str]:
    return {"cui": cui, "source": "ATC", "kind": "IN", "code": atc, "text": "a class"}


def _related(first: str, relation: str, second: str) -> dict[str, str]:
    return {"first": first, "second": second, "relation": relation, "source": "RXNORM"}


def rxnorm(folder: Path) -> Path:
    """Prednisone and dexamethasone with a tablet and eye drops, an antibody, ibuprofen, and a herb of no class."""
    rrf = folder / "rrf"
    rrf.mkdir(parents=True)
    conso = [
        _named("8640", "IN", "prednisone"),
        _classed("8640", "H02AB07"),
        _named("3264", "IN", "dexamethasone"),
        _classed("3264", "H02AB02"),
        _classed("3264", "S01BA01"),
        _named("9000001", "IN", "madeupimab"),
        _classed("9000001", "L01FF99"),
        _named("5640", "IN", "ibuprofen"),
        _classed("5640", "M01AE01"),
        _named("9000002", "IN", "made-up herb"),
        _named("9100001", "SCD", "prednisone 5 MG Oral Tablet"),
        _named("9100002", "SBD", "prednisone 5 MG Oral Tablet [Madeup]"),
        _named("9100003", "SCD", "dexamethasone 1 MG/ML Ophthalmic Solution"),
        _named("9100004", "SCD", "dexamethasone 4 MG Oral Tablet"),
        _named("9100005", "SCD", "madeupimab 10 MG/ML Injection"),
        _named("9100006", "SCD", "ibuprofen 400 MG Oral Tablet"),
        _named("9100007", "SCD", "made-up herb 1 MG Oral Tablet"),
        _named("9100008", "SCDC", "prednisone 5 MG"),
        _named("9200001", "DF", "Oral Tablet"),
        _named("9200002", "DF", "Ophthalmic Solution"),
        _named("9200003", "DF", "Injection"),
    ]
    rel = [
        _related("8640", "has_ingredient", "9100008"),
        _related("9100008", "consists_of", "9100001"),
        _related("9100001", "tradename_of", "9100002"),
        _related("9100003", "ingredient_of", "3264"),
        _related("3264", "has_ingredient", "9100004"),
        _related("9000001", "has_ingredient", "9100005"),
        _related("5640", "has_ingredient", "9100006"),
        _related("9000002", "has_ingredient", "9100007"),
        *(
            _related("9200001", "has_dose_form", drug)
            for drug in ("9100001", "9100002", "9100004", "9100006", "9100007")
        ),
        _related("9100003", "dose_form_of", "9200002"),
        _related("9200003", "has_dose_form", "9100005"),
    ]
    sat = [{"cui": "9100001", "name": "NDC", "source": "RXNORM", "value": "99999000101"}]
    (rrf / "RXNCONSO.RRF").write_text(_rrf(18, _CONSO, conso), encoding="utf-8")
    (rrf / "RXNREL.RRF").write_text(_rrf(16, _REL, rel), encoding="utf-8")
    (rrf / "RXNSAT.RRF").write_text(_rrf(13, _SAT, sat), encoding="utf-8")
    return folder


def _tabs(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\r\n" for row in rows)


def snomed(folder: Path) -> Path:
    """A finding, a disease, an infection below the real root and one below that, a fracture, a situation."""
    terminology = folder / "Snapshot" / "Terminology"
    terminology.mkdir(parents=True)
    codes = ("404684003", "64572001", "40733004", "9001", "9002", "9003", "9004")
    concepts = [("id", "effectiveTime", "active", "moduleId", "definitionStatusId")]
    concepts += [(code, "20260101", "1", "m", "d") for code in codes]
    concepts += [("9005", "20260101", "0", "m", "d")]
    is_a = [
        ("64572001", "404684003"),
        ("40733004", "64572001"),
        ("9001", "40733004"),
        ("9002", "9001"),
        ("9003", "64572001"),
        ("9005", "40733004"),
    ]
    first = "id effectiveTime active moduleId sourceId destinationId"
    last = "relationshipGroup typeId characteristicTypeId modifierId"
    relationships = [(*first.split(), *last.split())]
    relationships += [(str(n), "20260101", "1", "m", a, b, "0", "116680003", "c", "m") for n, (a, b) in enumerate(is_a)]
    relationships += [("99", "20260101", "0", "m", "9003", "40733004", "0", "116680003", "c", "m")]
    (terminology / "sct2_Concept_Snapshot_INT_20260101.txt").write_text(_tabs(concepts), encoding="utf-8")
    (terminology / "sct2_Relationship_Snapshot_INT_20260101.txt").write_text(_tabs(relationships), encoding="utf-8")
    return folder


def omop(folder: Path) -> Path:
    """Prednisone with a tablet and its packages in NDC and PZN, ibuprofen with one, and an infection."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code"
    concepts = [
        (*head.split(), "valid_start_date", "valid_end_date", "invalid_reason"),
        *(
            (id_, name, "d", vocabulary, kind, "S", code, "19700101", "20991231", "")
            for id_, name, vocabulary, kind, code in (
                ("1", "prednisone", "RxNorm", "Ingredient", "8640"),
                ("2", "prednisone 5 MG Oral Tablet", "RxNorm", "Clinical Drug", "9100001"),
                ("3", "prednisone", "ATC", "ATC 5th", "H02AB07"),
                ("4", "prednisone tablets", "NDC", "11-digit NDC", "99999000101"),
                ("5", "Prednison 5 mg", "PZN", "Package", "99999991"),
                ("6", "Oral Tablet", "RxNorm", "Dose Form", "9200001"),
                ("7", "ibuprofen", "RxNorm", "Ingredient", "5640"),
                ("8", "ibuprofen", "ATC", "ATC 5th", "M01AE01"),
                ("9", "Ibuprofen 400", "PZN", "Package", "99999992"),
                ("10", "Clinical finding", "SNOMED", "Clinical Finding", "404684003"),
                ("11", "Infectious disease", "SNOMED", "Clinical Finding", "40733004"),
                ("12", "Made-up infection", "SNOMED", "Clinical Finding", "9001"),
            )
        ),
    ]
    relationships = [
        ("concept_id_1", "concept_id_2", "relationship_id", "valid_start_date", "valid_end_date", "invalid_reason"),
        *(
            (one, other, relation, "19700101", "20991231", "")
            for one, other, relation in (
                ("4", "2", "Maps to"),
                ("5", "2", "Maps to"),
                ("9", "7", "Maps to"),
                ("2", "6", "RxNorm has dose form"),
                ("7", "8", "RxNorm - ATC pr lat"),
                ("11", "10", "Is a"),
                ("12", "11", "Is a"),
            )
        ),
    ]
    ancestors = [
        ("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation", "max_levels_of_separation"),
        ("3", "1", "1", "1"),
        ("1", "2", "1", "1"),
        ("3", "2", "2", "2"),
    ]
    for name, rows in (("CONCEPT", concepts), ("CONCEPT_RELATIONSHIP", relationships), ("CONCEPT_ANCESTOR", ancestors)):
        (folder / f"{name}.csv").write_text(_tabs(rows), encoding="utf-8")
    return folder
