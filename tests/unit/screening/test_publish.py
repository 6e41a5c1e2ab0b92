"""What is put on a server, or into a folder, of some trials."""

import base64
import json
from pathlib import Path

from adapter.screening.publish import trial_resources
from adapter.screening.setup import SiteConfig


def test_one_trial_leaves_the_codes_of_the_others() -> None:
    """Our code systems are the same whichever trial is named: publishing one takes nothing from another."""

    def systems(*studies: str) -> dict[str, object]:
        resources = trial_resources(studies, SiteConfig())
        return {each["id"]: each for each in resources if each["resourceType"] == "CodeSystem"}

    assert systems("senl-t7") == systems()
    codes = systems("senl-t7")["attestation"]
    assert isinstance(codes, dict)
    assert {each["code"].partition(".")[0] for each in codes["concept"]} >= {"senl-t7", "nct04785833"}


def test_a_sites_own_codes_are_in_the_libraries(tmp_path: Path) -> None:
    """What the policy's ConceptMap says of them, an engine that runs the published CQL knows too."""
    own = "http://hospital.example.org/laboratory"
    element = {"code": "HB", "target": [{"code": "718-7", "equivalence": "equivalent"}]}
    group = {"source": own, "target": "http://loinc.org", "element": [element]}
    (tmp_path / "local.json").write_text(json.dumps({"resourceType": "ConceptMap", "group": [group]}))
    policy = tmp_path / "policy.yaml"
    policy.write_text("id: own\ntitle: Own\nextends: strict\nlocal-codes: [local.json]\n")

    def codes(site: SiteConfig) -> str:
        resources = {each["id"]: each for each in trial_resources(["senl-t7"], site)}
        return base64.b64decode(resources["EligibilityCodes"]["content"][0]["data"]).decode()

    assert f"{own}|HB" in codes(SiteConfig(policy=str(policy)))
    assert own not in codes(SiteConfig())
