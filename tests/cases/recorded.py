"""Conditions, drugs, procedures, allergies and consents of the cases' shorthand -> FHIR."""

from decimal import Decimal

from tests.cases.words import SUBJECT, TERMS, Json, concept, known, period, quantity, status, text


def condition(said: Json) -> Json:
    """`code`, `clinical`, `verification`, `on` (onset), `recorded`, `abated`, `severity`, `stage`, `category`."""
    return known(
        {
            "resourceType": "Condition",
            "subject": SUBJECT,
            "code": _concept(said, "code"),
            "clinicalStatus": status("condition-clinical", said.get("clinical", "active")),
            "verificationStatus": status("condition-ver-status", said.get("verification", "confirmed")),
            "category": [status("condition-category", said["category"])] if "category" in said else None,
            "severity": _concept(said, "severity"),
            "stage": [{"summary": concept(said["stage"])}] if "stage" in said else None,
            "onsetDateTime": text(said.get("on")),
            "onsetAge": quantity(said["onset-age"]) if "onset-age" in said else None,
            "onsetString": said.get("onset-text"),
            "abatementDateTime": text(said.get("abated")),
            "recordedDate": text(said.get("recorded")),
            "extension": [_due_to(said["due-to"])] if "due-to" in said else None,
        }
    )


def _due_to(said: str) -> Json:
    """The cause of a diagnosis: a resource by its name, or a code."""
    named = {"valueReference": {"reference": said}} if "/" in said else {"valueCodeableConcept": concept(said)}
    return {"url": "http://hl7.org/fhir/StructureDefinition/condition-dueTo", **named}


def _reasons(said: Json) -> Json:
    """Why a drug or procedure: `reason`, a resource by its name or a code."""
    reason = said.get("reason")
    if reason is None:
        return {}
    if isinstance(reason, str) and "/" in reason:
        return {"reasonReference": [{"reference": reason}]}
    return {"reasonCode": [concept(reason)]}


def given(said: Json) -> Json:
    """A MedicationAdministration `on` a date or `from`/`to`, by a `route`; `dose`."""
    dosage = known({"route": _concept(said, "route"), "dose": quantity(said["dose"]) if "dose" in said else None})
    return known({**_drug("MedicationAdministration", said), **_effective(said), "dosage": dosage or None})


def taken(said: Json) -> Json:
    """A MedicationStatement `on` a date or `from`/`to`, by a `route`."""
    return known({**_drug("MedicationStatement", said), **_effective(said), "dosage": _dosages(said)})


def ordered(said: Json) -> Json:
    """A MedicationRequest, authored `on` a date, by a `route`; `supply` with `repeats`; `updated` last."""
    order = {"intent": "order", "authoredOn": text(said.get("on")), "dosageInstruction": _dosages(said)}
    if "supply" in said:
        supply = {"expectedSupplyDuration": quantity(said["supply"]), "numberOfRepeatsAllowed": said.get("repeats")}
        order["dispenseRequest"] = known(supply)
    return known({**_drug("MedicationRequest", said), **order})


def dispensed(said: Json) -> Json:
    """A MedicationDispense, handed over `on` a date, by a `route`, `of` an order."""
    supply: Json = {"daysSupply": quantity(said["supply"])} if "supply" in said else {}
    if "of" in said:
        supply["authorizingPrescription"] = [{"reference": said["of"]}]
    handed = {"whenHandedOver": text(said.get("on")), "dosageInstruction": _dosages(said), **supply}
    return known({**_drug("MedicationDispense", said), **handed})


def procedure(said: Json) -> Json:
    """A Procedure `on` a date or `from`/`to`; `bodySite` and `focalDevice` as they are in FHIR."""
    return known(
        {
            "resourceType": "Procedure",
            "status": said.get("status", "completed"),
            "subject": SUBJECT,
            "code": _concept(said, "code"),
            "performedDateTime": text(said.get("on")),
            "performedPeriod": period(said),
            "bodySite": said.get("bodySite"),
            "focalDevice": said.get("focalDevice"),
            **_reasons(said),
        }
    )


def allergy(said: Json) -> Json:
    """`code`, `criticality`, `clinical`, `verification`, `recorded`; `severity` and `manifestation` of the reaction."""
    shown = concept(said["manifestation"]) if "manifestation" in said else {"text": "rash"}
    reaction = {"manifestation": [shown], "severity": said.get("severity")}
    return known(
        {
            "resourceType": "AllergyIntolerance",
            "patient": SUBJECT,
            "code": _concept(said, "code"),
            "clinicalStatus": status("allergyintolerance-clinical", said.get("clinical", "active")),
            "verificationStatus": status("allergyintolerance-verification", said.get("verification", "confirmed")),
            "criticality": said.get("criticality"),
            "reaction": [reaction] if "severity" in said else None,
            "recordedDate": text(said.get("recorded")),
        }
    )


def consent(said: Json) -> Json:
    """A research consent to `study` (by an extension) or `data` (by its provision).

    `type` of the provision (`none` for none), `status`, `from`/`to`, `on`; `inside`: nested provisions with `type`,
    `data`, `purpose`, `from`/`to`, `inside`. `policy`: code of policyRule; `verified`; `scope`; `category`.
    """
    named = {
        "url": "http://hl7.org/fhir/StructureDefinition/workflow-researchStudy",
        "valueReference": {"reference": f"ResearchStudy/{said.get('study')}"},
    }
    policy = {"coding": [{"system": f"{TERMS}/v3-ActCode", "code": said.get("policy")}]}
    category = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}
    if "category" in said:
        category = {"coding": [{"system": f"{TERMS}/consentcategorycodes", "code": said["category"]}]}
    return known(
        {
            "resourceType": "Consent",
            "extension": [named] if "study" in said else None,
            "status": said.get("status", "active"),
            "scope": {"coding": [{"system": f"{TERMS}/consentscope", "code": said.get("scope", "research")}]},
            "category": [category],
            "patient": SUBJECT,
            "dateTime": text(said.get("on")),
            "policyRule": policy if "policy" in said else None,
            "verification": [{"verified": said["verified"]}] if "verified" in said else None,
            "provision": _provision({"type": "permit", **said}),
        }
    )


def _provision(said: Json) -> Json:
    about = {"meaning": "related", "reference": {"reference": f"ResearchStudy/{said.get('data')}"}}
    reason = {"system": f"{TERMS}/v3-ActReason", "code": said.get("purpose")}
    return known(
        {
            "type": None if said.get("type") == "none" else said.get("type"),
            "period": period(said),
            "purpose": [reason] if "purpose" in said else None,
            "data": [about] if "data" in said else None,
            "provision": [_provision(each) for each in said["inside"]] if "inside" in said else None,
        }
    )


def _drug(resource_type: str, said: Json) -> Json:
    """What the medication resources have in common: `code` or `medication` (a reference), `contained`, `status`."""
    usual = "completed" if resource_type in {"MedicationAdministration", "MedicationDispense"} else "active"
    return {
        "resourceType": resource_type,
        "meta": {"lastUpdated": text(said["updated"])} if "updated" in said else None,
        "contained": said.get("contained"),
        "status": said.get("status", usual),
        "subject": SUBJECT,
        "medicationCodeableConcept": _concept(said, "code"),
        "medicationReference": {"reference": said["medication"]} if "medication" in said else None,
        **_reasons(said),
    }


def _concept(said: Json, key: str) -> Json | None:
    return concept(said[key]) if key in said else None


def _effective(said: Json) -> Json:
    return {"effectiveDateTime": text(said.get("on")), "effectivePeriod": period(said)}


def _dosages(said: Json) -> list[Json] | None:
    """One dosage of the entry's own keys, or several in `dosages`."""
    return [made for each in said.get("dosages", [said]) if (made := _dosage(each))] or None


def _dosage(said: Json) -> Json:
    """`route`, `dose`, `times` so often `every` (1 d unless given) `for` so long, `as-needed`, `words`, `step`."""
    repeat: Json = {"boundsDuration": quantity(said["for"])} if "for" in said else {}
    if "times" in said or "every" in said:
        number, unit = str(said.get("every", "1 d")).split()
        repeat |= {"frequency": said.get("times", 1), "period": Decimal(number), "periodUnit": unit}
    timing = {"repeat": repeat} if repeat else None
    return known(
        {
            "sequence": said.get("step"),
            "text": said.get("words"),
            "route": _concept(said, "route"),
            "timing": timing,
            "asNeededBoolean": said.get("as-needed"),
            "doseAndRate": [{"doseQuantity": quantity(said["dose"])}] if "dose" in said else None,
        }
    )
