"""ops/: the files are sound, and fit the service."""

import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from compose_spec import PyCompose

from adapter import cli
from adapter.screening.react.context import ALERTED, SWEEP, UNAUTHORIZED, Metrics
from adapter.service.access import table
from tests.conftest import ROOT
from tests.needs import not_available

OPS = ROOT / "ops"
UNIT = OPS / "systemd/trial-adapter.service"
ALERTS: list[dict[str, Any]] = yaml.safe_load((OPS / "prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = msgspec.json.decode((OPS / "grafana/dashboard.json").read_bytes())
EXPRESSIONS = [
    *(each["expr"] for each in ALERTS),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((OPS / "kubernetes/trial-adapter.yaml").read_text()))
KUBERNETES = "1.37"


def tool(name: str, package: str) -> str:
    """A program of this machine."""
    return shutil.which(name) or not_available(name, f"Debian's package {package} has it")


def run(*command: str | Path) -> str:
    """What a command says; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=OPS)  # noqa: S603  # as named here
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def samples() -> dict[str, set[str]]:
    """Every sample that the service shows, by name, with its labels."""
    metrics = Metrics()
    found: dict[str, set[str]] = {}
    for collector in list(metrics.registry._collector_to_names):  # noqa: SLF001  # labels that nobody has used are shown nowhere
        labels = dict.fromkeys(collector._labelnames, "x")  # type: ignore[attr-defined]  # noqa: SLF001  # as above
        if labels:
            collector.labels(**labels)  # type: ignore[attr-defined]  # as above
    for family in metrics.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_is_there(expression: str) -> None:
    """Every metric that an alert or a panel names, and every label that it selects or sums by."""
    there = samples()
    names = re.findall(r"\btrial_adapter_\w+|\bup\b", expression)
    assert names
    assert {name for name in names if name != "up"} <= there.keys()
    selected = re.findall(r"(\w+)=~?\"", expression)
    grouped = [each.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for each in group.split(",")]
    known = {"job"}.union(*(there.get(name, set()) for name in names))
    assert {*selected, *grouped} <= known


def test_the_values_that_alerts_select_are_those_of_the_service() -> None:
    """Kinds of errors are classes, duties have their names."""
    said = " ".join(each["expr"] for each in ALERTS)
    kinds = {name for group in re.findall(r'errors_total\{kind=~?"([^"]*)"', said) for name in group.split("|")}
    assert kinds == set(ALERTED)
    assert re.findall(r'duty="(\w+)"', said) == [SWEEP]
    assert re.findall(r'messages_total\{kind="(\w+)"', said) == [UNAUTHORIZED]


def test_alerts_as_promtool_sees_them(tmp_path: Path) -> None:
    """The rules, their own tests, the configuration beside them, and the expressions of the dashboard."""
    promtool = tool("promtool", "prometheus")
    run(promtool, "check", "rules", "prometheus/alerts.yaml")
    run(promtool, "test", "rules", "prometheus/alerts_test.yaml")
    run(promtool, "check", "config", "--syntax-only", "prometheus/prometheus.yaml")
    plain = [each.replace("$__rate_interval", "5m").replace("$job", ".*") for each in EXPRESSIONS]
    rules = [{"record": f"r{number}", "expr": each} for number, each in enumerate(plain)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(plain)} rules found" in run(promtool, "check", "rules", file)


def test_each_alert_is_tested_and_has_its_place_in_the_runbook() -> None:
    """In both directions: no section without its alert."""
    runbook = (ROOT / "docs/runbook.md").read_text()
    names = [each["alert"] for each in ALERTS]
    assert re.findall(r"^## (TrialAdapter\w+)$", runbook, re.MULTILINE) == names
    tested = (OPS / "prometheus/alerts_test.yaml").read_text()
    assert all(re.search(rf"alertname: {name}\n\s+eval_time: \w+\n\s+exp_alerts:", tested) for name in names)
    assert all(
        each["labels"]["severity"] in {"critical", "warning"} and each["annotations"]["summary"] for each in ALERTS
    )


def test_the_dashboard_can_be_laid_out() -> None:
    """Panels have names, a datasource that is chosen, and places that don't overlap."""
    panels = DASHBOARD["panels"]
    assert len({each["id"] for each in panels}) == len({each["title"] for each in panels}) == len(panels)
    assert all(each["datasource"]["uid"] == "${datasource}" and each["description"] for each in panels)
    places = [each["gridPos"] for each in panels]
    assert all(each["x"] >= 0 and each["x"] + each["w"] <= 24 for each in places)
    for one, other in combinations(places, 2):
        apart = [one[a] + one[n] <= other[a] or other[a] + other[n] <= one[a] for a, n in (("x", "w"), ("y", "h"))]
        assert any(apart), (one, other)


def test_the_unit_as_systemd_sees_it(tmp_path: Path) -> None:
    """It is understood, and leaves little open (0 is nothing, 10 is everything)."""
    analyze = tool("systemd-analyze", "systemd")
    here = UNIT.read_text().replace(
        "/opt/trial-adapter/bin/trial-adapter", str(Path(sys.executable).with_name("trial-adapter"))
    )
    file = tmp_path / UNIT.name
    file.write_text(here)
    assert run(analyze, "verify", file) == ""
    assert "OK" in run(analyze, "security", "--offline=true", "--threshold=20", file).splitlines()[-1]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: each["kind"])
def test_kubernetes_understands(manifest: dict[str, Any]) -> None:
    """By its published schemas, strictly: a field that there is not is found."""
    import kubernetes_validate  # noqa: PLC0415  # takes seconds, and every worker would take them to collect the tests

    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifest, "sepc": {}}, KUBERNETES, strict=True)


def test_kubernetes_is_told_what_the_container_is() -> None:
    """User, port, health and limits; nothing refers to what is not there."""
    kinds = {each["kind"]: each for each in MANIFESTS}
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
    assert {each["name"] for each in pod["volumes"]} == {each["name"] for each in container["volumeMounts"]}
    assert pod["serviceAccountName"] == kinds["ServiceAccount"]["metadata"]["name"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in table().public
    assert (
        kinds["Service"]["spec"]["selector"].items()
        <= kinds["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    )
    text = yaml.safe_dump_all(MANIFESTS)
    assert re.findall(r"sha256:[0-9a-f]{64}", text) == []  # a digest comes from a release, never from here


@pytest.mark.parametrize("file", ["ops/compose.yaml", "docker/compose.yaml"])
def test_compose_understands(file: str) -> None:
    """By the Compose specification; every service has limits, and its secrets and networks are there."""
    text = (ROOT / file).read_text()
    read = yaml.safe_load(re.sub(r"\$\{\w+:(?:-([^}]*)|\?[^}]*)\}", lambda said: said[1] or "said", text))
    read = {name: each for name, each in read.items() if not name.startswith("x-")}
    PyCompose.from_json(msgspec.json.encode(read).decode())
    for name, service in read["services"].items():
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name
        broken = {**read, "services": {**read["services"], name: {**service, "restrat": "no"}}}
        with pytest.raises(ValueError, match="restrat"):
            PyCompose.from_json(msgspec.json.encode(broken).decode())
    assert read["services"]["db"]["healthcheck"]


@pytest.mark.parametrize("text", [UNIT.read_text(), *(str(MANIFESTS), (OPS / "compose.yaml").read_text())])
def test_the_commands_are_there(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the options that they are given."""
    assert re.search(r"serve['\",]* ['\"-]*-host", text)
    assert cli.main(["serve", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--host" in said
    assert "--port" in said
