"""`publish --profiles` on a real HAPI: from then on the server can validate by our profiles."""

from copy import deepcopy

import pytest

from adapter import cli
from adapter.screening.setup import Setup
from tests.integration.hapi.client import Hapi
from tests.unit.fhir.cases import CASES


def test_the_server_knows_the_profiles(empty_hapi: Hapi, strict: Setup, capsys: pytest.CaptureFixture[str]) -> None:
    """What is right is valid, what is wrong isn't; publishing again changes nothing."""
    empty_hapi.empty()
    command = ["publish", "cd7-cart01", "--profiles", "--server", empty_hapi.url]
    assert cli.main(command) == 0
    answer = CASES["open-questions"](strict)
    assert empty_hapi.errors(answer) == []
    broken = deepcopy(answer)
    del broken["entry"][0]["resource"]["identifier"]
    assert empty_hapi.errors(broken)
    capsys.readouterr()
    assert cli.main(command) == 0
    assert ": 0 created, 0 updated, " in capsys.readouterr().out
