"""The container files as data."""

import shlex
from dataclasses import dataclass, field
from fnmatch import fnmatch
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml
from dockerfile_parse import DockerfileParser

from tests.conftest import ROOT

DOCKER = ROOT / "docker"
FILES = {DOCKER / "Dockerfile": ROOT, DOCKER / "hapi/Dockerfile": DOCKER / "hapi"}
"""Each Dockerfile and the folder that it is built from."""

COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]


@dataclass(slots=True)
class Stage:
    """One stage of a Dockerfile: its instructions, after those of the stage that it stands on."""

    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """The value of the last instruction of a kind; empty if there is none."""
        return next((value for kind, value in reversed(self.steps) if kind == instruction), "")


def stages(path: Path) -> dict[str, Stage]:
    """The stages of a Dockerfile by name, in its order; the last one is also called `last`."""
    parser = DockerfileParser(fileobj=BytesIO(path.read_bytes()))
    found: dict[str, Stage] = {}
    current = Stage("")
    for each in parser.structure:
        kind, value = each["instruction"].upper(), each["value"]
        if kind == "COMMENT":
            continue
        if kind == "FROM":
            image, *name = value.split()
            earlier = found.get(image)
            current = Stage(earlier.image, list(earlier.steps)) if earlier else Stage(image)
            found[name[-1] if name else "last"] = current
        else:
            current.steps.append((kind, value))
    found["last"] = current
    return found


def copied(stage: Stage) -> list[str]:
    """What a stage takes from the folder that it is built from."""
    words = [shlex.split(value) for kind, value in stage.steps if kind == "COPY"]
    return [source for each in words if not each[0].startswith("--from") for source in each[:-1]]


def is_sent(path: str, ignore: Path) -> bool:
    """Whether a file is sent to the builder, by an ignore file whose last rule that fits holds."""
    sent = True
    for line in ignore.read_text(encoding="utf-8").splitlines():
        rule = line.strip()
        if rule and not rule.startswith("#"):
            plain = rule.removeprefix("!")
            parts = Path(path).parts
            heads = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
            if any(
                fnmatch(head, plain) or (plain.startswith("**/") and fnmatch(Path(head).name, plain[3:]))
                for head in heads
            ):
                sent = rule.startswith("!")
    return sent
