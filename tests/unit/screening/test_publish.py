"""What is put on a server, or into a folder, of some trials."""

from adapter.screening.publish import trial_resources
from adapter.screening.setup import Site


def test_one_trial_leaves_the_codes_of_the_others() -> None:
    """Our code systems are the same whichever trial is named: publishing one takes nothing from another."""

    def systems(*studies: str) -> dict[str, object]:
        resources = trial_resources(studies, Site())
        return {each["id"]: each for each in resources if each["resourceType"] == "CodeSystem"}

    assert systems("senl-t7") == systems()
    codes = systems("senl-t7")["attestation"]
    assert isinstance(codes, dict)
    assert {each["code"].partition(".")[0] for each in codes["concept"]} >= {"senl-t7", "nct04785833"}
