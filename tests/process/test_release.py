"""What a release is made of: the same bytes, whoever builds it; nothing that was made up."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from ops import release
from tests.conftest import ROOT
from tests.docs import licences
from tests.needs import not_available

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0",
    "PSF-2.0",
}  # fmt: skip
"""What may be passed on with the product, unmodified, as docs/licences.md says."""
DIGEST = f"sha256:{'a' * 64}"


def test_two_builds_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine's time zone, umask and seed; and the wheel has what runs, with no secret beside it."""
    folders = [tmp_path / "one", tmp_path / "other"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    first = release.build(folders[0])
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    before = os.umask(0o077)
    try:
        second = release.build(folders[1])
    finally:
        os.umask(before)
    assert [each.suffix for each in first] == [".whl", ".gz"]
    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second]
    names = ZipFile(first[0]).namelist()
    assert {"adapter/service/access.yaml", "adapter/store/migrations/env.py"} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".db", ".env", ".pem")) or name.startswith("tests/")]


def test_builds_that_differ_are_no_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused by name."""

    def build(into: Path) -> list[Path]:
        file = into / "x.whl"
        file.write_text(str(into))
        return [file]

    monkeypatch.setattr(release, "build", build)
    with pytest.raises(release.ReleaseError, match=r"two builds differ: x\.whl"):
        release.check_twice(tmp_path)


def test_the_image_is_named_by_the_digest_that_was_pushed(tmp_path: Path) -> None:
    """As buildx wrote it, for Kubernetes and for people."""
    metadata = tmp_path / "metadata.json"
    said = {"containerimage.digest": DIGEST, "image.name": "registry.example:5000/fhir-trial-adapter:0.1.0"}
    metadata.write_text(json.dumps(said))
    release.manifests(metadata, tmp_path)
    assert (tmp_path / "image.txt").read_text() == f"registry.example:5000/fhir-trial-adapter@{DIGEST}\n"
    found = yaml.safe_load((tmp_path / "kubernetes/kustomization.yaml").read_text())
    assert found["images"] == [
        {"name": "fhir-trial-adapter", "newName": "registry.example:5000/fhir-trial-adapter", "digest": DIGEST}
    ]
    assert "image: fhir-trial-adapter\n" in (tmp_path / "kubernetes/trial-adapter.yaml").read_text()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"image.name": "x"},
        {"containerimage.digest": DIGEST},
        {"containerimage.digest": "sha256:1", "image.name": "x"},
    ],
)
def test_no_digest_is_made_up(tmp_path: Path, said: dict[str, str]) -> None:
    """Where none was pushed, there are no manifests."""
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps(said))
    with pytest.raises(release.ReleaseError, match="does not say"):
        release.manifests(metadata, tmp_path)
    assert not (tmp_path / "kubernetes").exists()
    with pytest.raises(release.ReleaseError, match="can't be read"):
        release.manifests(tmp_path / "nowhere.json", tmp_path)


def test_every_licence_is_known_and_listed() -> None:
    """docs/licences.md is what the locked packages say; a new kind of licence is looked at by a person first."""
    assert licences.FILE.read_text(encoding="utf-8") == licences.written()
    found = release.licences()
    kinds = {part for each in found.values() for part in re.split(r" (?:OR|AND|WITH) ", each)}
    assert kinds <= ALLOWED
    assert {name for name, each in found.items() if each == "LGPL-3.0-only"} == {"psycopg", "psycopg-binary"}
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert locked - found.keys() <= {"colorama"}  # Windows only


def test_a_signature_that_holds_and_one_that_does_not(tmp_path: Path) -> None:
    """`make sign` and the command of docs/operations.md, with a key made for this test."""
    if shutil.which("ssh-keygen") is None:
        not_available("ssh-keygen", "Debian's package openssh-client has it")
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "x.whl").write_bytes(b"x")
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    (dist / "SHA256SUMS").write_text(f"{release._sha256(dist / 'x.whl')}  x.whl\n")  # noqa: SLF001  # as it writes them
    _run("make", "--file", str(ROOT / "Makefile"), "sign", f"KEY={tmp_path / 'key'}", folder=tmp_path)
    (tmp_path / "allowed").write_text(f"maintainers {(tmp_path / 'key.pub').read_text()}")
    verify = ("ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "maintainers", "-n", "fhir-trial-adapter")
    command = (*verify, "-s", "dist/SHA256SUMS.sig")
    sums = (dist / "SHA256SUMS").read_bytes()
    _run(*command, folder=tmp_path, sent=sums)
    with pytest.raises(subprocess.CalledProcessError):
        _run(*command, folder=tmp_path, sent=sums + b"0  y\n")
    (dist / "x.whl").write_bytes(b"y")
    with pytest.raises(subprocess.CalledProcessError):
        _run("make", "--file", str(ROOT / "Makefile"), "sign", f"KEY={tmp_path / 'key'}", folder=tmp_path)


def _run(*command: str, folder: Path = ROOT, sent: bytes = b"") -> None:
    subprocess.run(command, check=True, cwd=folder, input=sent, capture_output=True, timeout=60)  # noqa: S603  # named above
