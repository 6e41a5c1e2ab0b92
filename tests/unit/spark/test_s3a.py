"""An object store as source and as folder of the work; only where somebody asks for it (docs/spark.md)."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import stamina

from tests.unit.spark.sources import export, odd
from tests.unit.spark.test_spark import SETTINGS, same, screen

JARS = os.environ.get("S3A_JARS", "")
pytestmark = pytest.mark.skipif(not JARS, reason="S3A_JARS names hadoop-aws and the AWS bundle; MOTO_SERVER moto's")


@pytest.fixture
def store() -> Iterator[str]:
    """The address of moto's object store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [os.environ.get("MOTO_SERVER", "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:  # noqa: S603  # named by whoever asks for it
        try:
            address = f"http://127.0.0.1:{port}"
            for attempt in stamina.retry_context(on=httpx.TransportError, attempts=100, wait_max=1, timeout=60):
                with attempt:
                    assert httpx.put(f"{address}/hospital").status_code == 200
            yield address
        finally:
            process.terminate()


def test_an_object_store_is_a_source(store: str, tmp_path: Path) -> None:
    """Read by `s3a`, with the work kept there too, a source comes to the same bytes as from a folder."""
    source = tmp_path / "source"
    source.mkdir()
    export(source, 10)
    odd(source)
    for file in source.rglob("*"):
        if file.is_file():
            url = httpx.URL(f"{store}/").copy_with(path=f"/hospital/export/{file.relative_to(source)}")
            assert httpx.put(url, content=file.read_bytes()).status_code == 200
    assert screen(source, tmp_path / "plain") == 1
    settings = {
        **SETTINGS,
        "spark.jars": JARS,
        "spark.hadoop.fs.s3a.endpoint": store,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.access.key": "made-up",
        "spark.hadoop.fs.s3a.secret.key": "made-up",
    }
    options = [each for name, value in settings.items() for each in ("--spark-setting", f"{name}={value}")]
    asked = ["--study", "nct04785833", "--study", "cd7-cart01", "--as-of", "2026-03-01", "--engine", "spark"]
    where = ["--source", "s3a://hospital/export", "--spark-work", "s3a://hospital/work", "--out", str(tmp_path / "out")]
    program = [sys.executable, "-c", "import sys; from adapter.cli import app; sys.exit(app.run())", "screen"]
    told = tmp_path / "told"
    with told.open("wb") as log:
        ran = subprocess.run([*program, *asked, *where, *options], check=False, stdout=log, stderr=log)  # noqa: S603
    assert ran.returncode == 1, told.read_text()
    same(tmp_path / "out", tmp_path / "plain")
