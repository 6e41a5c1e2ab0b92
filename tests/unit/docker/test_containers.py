"""docker/: the files are sound, and fit the project that they are built from."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from adapter import cli
from tests.conftest import ROOT
from tests.unit.docker.files import COMPOSE, DOCKER, FILES, SERVICES, copied, is_sent, stages

IGNORES = {
    DOCKER / "Dockerfile": DOCKER / "Dockerfile.dockerignore",
    DOCKER / "hapi/Dockerfile": DOCKER / "hapi/.dockerignore",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_linter_finds_nothing(path: Path) -> None:
    """hadolint, with all of its rules, and ShellCheck's in it."""
    linter = [Path(sys.executable).with_name("hadolint"), path]
    found = subprocess.run(linter, capture_output=True, text=True, check=False)  # noqa: S603  # the locked linter
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_runs_as_root_and_health_is_watched(path: Path) -> None:
    """The user is a number, which a cluster can check; slim images, each with a version."""
    for name, stage in stages(path).items():
        if name != "build":
            assert int(stage.last("USER")) > 1000, name
        assert re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", stage.image), stage.image
    assert stages(path)["last"].last("HEALTHCHECK")


@pytest.mark.parametrize(("path", "context"), FILES.items(), ids=lambda value: str(value.relative_to(ROOT)))
def test_what_is_copied_is_there_and_is_sent(path: Path, context: Path) -> None:
    """And what nobody should send is not: a virtual environment, results, the history."""
    for stage in stages(path).values():
        for source in copied(stage):
            assert (context / source).exists(), source
            held = list((context / source).rglob("*.py")) if (context / source).is_dir() else []
            names = [source, *(str(each.relative_to(context)) for each in held)]
            assert source == "profiles" or all(is_sent(name, IGNORES[path]) for name in names), source
    for name in (
        ".git/config",
        ".venv/bin/python",
        "build/demo/p1.json",
        "target/classes/x.class",
        "results/rejected.ndjson",
    ):
        assert not is_sent(name, IGNORES[path]), name


def test_the_image_holds_what_the_wheel_needs() -> None:
    """Of the FHIR package only what is in the wheel, without its sources."""
    ignore = DOCKER / "Dockerfile.dockerignore"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert all(is_sent(name, ignore) for name in wheel["only-include"])
    assert not is_sent("profiles/input/fsh/study.fsh", ignore)


def test_every_package_is_installed_by_its_hash() -> None:
    """Or from the wheel that was just built, and nothing else."""
    commands = [value for kind, value in stages(DOCKER / "Dockerfile")["build"].steps if kind == "RUN"]
    installs = [each for command in commands for each in re.findall(r"pip (?:install|wheel) ([^&]+)", command)]
    assert len(installs) == 4
    assert all(
        "--require-hashes" in each or "--no-index" in each or "--no-build-isolation" in each for each in installs
    )
    assert (
        installs[-1].split()[-1] == "fhir-trial-adapter"
    )  # whatever its version is: it stands in pyproject.toml alone


def test_the_order_of_the_services() -> None:
    """Each waits for what it needs, and for no one who isn't there."""
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert all(needed in SERVICES for each in waits.values() for needed in each)
    assert waits["publish"] == {"hapi": {"condition": "service_healthy"}}
    assert waits["adapter"]["publish"] == {"condition": "service_completed_successfully"}
    assert waits["subscribe"] == {"adapter": {"condition": "service_healthy"}}
    assert waits["demo"] == {"subscribe": {"condition": "service_completed_successfully"}}


def test_nothing_is_open_to_others() -> None:
    """Ports on the loopback only; our own containers can't write, and have no rights."""
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service.get("ports", ()))
    for name in ("publish", "adapter", "subscribe", "demo"):
        assert SERVICES[name]["read_only"] is True
        assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_what_is_built_exists() -> None:
    """Each build names a file, a stage of it, and its folder."""
    for name, service in SERVICES.items():
        if "build" in service:
            context = (DOCKER / service["build"]["context"]).resolve()
            file = context / service["build"].get("dockerfile", "Dockerfile")
            assert FILES[file] == context, name
            assert service["build"].get("target", "last") in stages(file), name
    assert (DOCKER / "postgres/databases.sql").exists()


def test_every_variable_is_one_that_the_guides_know() -> None:
    """A misspelt variable would be silently ignored."""
    guides = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    for name in COMPOSE["x-adapter"]["environment"]:
        assert f"`{name}`" in guides or f"`{name.removeprefix('TRIAL_ADAPTER_')}`" in guides, name


@pytest.mark.parametrize("name", ["publish", "adapter", "subscribe"])
def test_every_command_and_option_exists(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the containers run is what the command line has."""
    command, *arguments = SERVICES[name]["command"]
    assert cli.main([command, "--help"]) == 0
    offered = capsys.readouterr().out
    assert all(each in offered for each in arguments if each.startswith("--"))


def test_the_service_starts_as_compose_starts_it() -> None:
    """The image's own command is the same."""
    assert json.loads(stages(DOCKER / "Dockerfile")["service"].last("CMD")) == SERVICES["adapter"]["command"]


@pytest.mark.parametrize("guide", ["README.md", "docs/containers.md"])
def test_the_three_commands(guide: str) -> None:
    """They name the file, a service that ends, and the port that is published."""
    said = (ROOT / guide).read_text(encoding="utf-8")
    for file, service in re.findall(r"docker compose --file (\S+) logs --follow (\w+)", said):
        assert (ROOT / file) == DOCKER / "compose.yaml"
        assert "restart" not in SERVICES[service]
    (port,) = SERVICES["hapi"]["ports"]
    assert f"curl 'http://{port.rpartition(':')[0]}/fhir/ResearchSubject?status=candidate'" in said
