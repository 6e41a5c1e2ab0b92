"""Made-up results of genomic tests about one criterion of a variant."""

from random import Random
from typing import Any

from adapter.kinds.variant.statement import Variant
from tests.build import concept
from tests.properties.core import Json
from tests.properties.measured import STATUSES, SUBJECT
from tests.properties.patients import some
from tests.properties.times import when


def genomic(leaf: Variant, rng: Random) -> Json:
    """An assessment with its gene, and often its change, exon, effect and meaning."""
    gene = rng.choice([*leaf.genes, *leaf.genes, "TP53"])
    named = [{"text": gene}, {"coding": [{"system": "http://www.genenames.org", "code": "HGNC:1", "display": gene}]}]
    answer = concept("http://loinc.org", rng.choice(["LA9633-4", "LA9633-4", "LA9634-2", "LA9634-2", "LA18198-4"]))
    parts = [{"code": concept("http://loinc.org", "48018-6"), "valueCodeableConcept": rng.choice(named)}]
    if rng.random() < 0.1:
        parts[0]["valueCodeableConcept"] = {"text": "HGNC:3236"}
    elif rng.random() < 0.2:
        parts.append({**parts[0], "valueCodeableConcept": {"text": rng.choice(leaf.genes)}})
    for code, often, values in _GENOMIC:
        if rng.random() < (often if not leaf.of_class else 0.5):
            said = [*leaf.changes, *values] if code == "48005-3" else values
            value = rng.choice(said)
            held = {"text": value} if isinstance(value, str) else concept(*value)
            levels = ["48004-6", "48005-3", "48005-3", "81290-9"] if code == "48005-3" else [code]
            term = _TERM.get(code) or ("http://loinc.org", rng.choice(levels))
            parts.append({"code": concept(*term), "valueCodeableConcept": held})
    return {
        "resourceType": "Observation",
        "status": rng.choice(STATUSES),
        "code": concept("http://loinc.org", "69548-6"),
        "subject": SUBJECT,
        "component": parts,
        **some(rng, 0.9, valueCodeableConcept=answer),
        **some(rng, 0.9, effectiveDateTime=when(rng)),
    }


def implication(variants: int, rng: Random) -> Json:
    """What one variant means, or several do, or one that is not on record, in an Observation of its own."""
    meaning = rng.choice(["LA6675-8", "LA6668-3", "LA6668-3", "LA26332-9", "LA26333-7"])
    places = rng.sample(range(variants + 1), k=min(rng.choice([0, 1, 1, 1, 1, 2]), variants))
    part = {
        "code": concept("http://loinc.org", "53037-8"),
        "valueCodeableConcept": concept("http://loinc.org", meaning),
    }
    return {
        "resourceType": "Observation",
        "status": rng.choice(STATUSES),
        "code": concept("http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs", "diagnostic-implication"),
        "subject": SUBJECT,
        "component": [part],
        **some(rng, 0.9, derivedFrom=[{"reference": f"Observation/r{place}"} for place in places]),
        **some(rng, 0.9, effectiveDateTime=when(rng)),
    }


_TERM = {
    "molecular-consequence": (
        "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs",
        "molecular-consequence",
    )
}
_ONTOLOGY = "http://www.sequenceontology.org"
_GENOMIC: list[tuple[str, float, list[Any]]] = [
    (
        "48005-3",
        0.6,
        [
            "p.L858R",
            "NP_005219.2:p.(Leu858Arg)",
            "p.T790M",
            "c.2573T>G",
            "exon 19 deletion",
            "p.Glu746_Ala750del",
            "p.E746_A750del",
            "p.(Leu747_Pro753delinsSer)",
            "p.Asp770_Asn771insSerValAsp",
            "p.G719X",
            "p.Arg97ProfsTer23",
            "p.Leu760_Lys800del",
            "p.Leu858=",
            "p.Ala767_Val769dup",
            "p.Leu858Leu",
            "p.*1211Q",
            "p.L858R (c.2573T>G)",
            "p.[T790M;L858R]",
        ],
    ),
    ("47999-8", 0.1, ["Exon 19", "exon19", "14", "Exon 20", "intron 13", "Ex 21"]),
    ("48006-1", 0.1, [("http://loinc.org", each) for each in ("LA6692-3", "LA6698-0", "LA6687-3", "LA9658-1")]),
    ("molecular-consequence", 0.1, [(_ONTOLOGY, each) for each in ("SO:0001572", "SO:0001822", "SO:0001627")]),
    ("48002-0", 0.1, [("http://loinc.org", each) for each in ("LA6683-2", "LA6684-0")]),
    ("69551-0", 0.05, ["G"]),
    ("53037-8", 0.2, [("http://loinc.org", each) for each in ("LA6675-8", "LA6668-3", "LA26332-9", "LA26333-7")]),
]
"""What components say: their code, how often one is there, and values, as words or as system and code."""
