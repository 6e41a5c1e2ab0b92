"""Where a run writes: alone, privately, and with nothing left behind when it is killed."""

import errno
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapter.errors import UsageError
from adapter.screening.private import alone_in, filled, new_file, own_folder, temporary_folder, whole_file

_KILLED = """
import os, signal, sys
from pathlib import Path
from adapter.screening.private import alone_in, temporary_folder
with alone_in(Path(sys.argv[1])), temporary_folder("test", Path(sys.argv[1])) as made:
    (made / "patients").write_text("secret")
    os.kill(os.getpid(), signal.SIGKILL)
"""
_WITH_WORKERS = """
import os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from adapter.screening.processes import _start
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, get_context("spawn"), _start, (len, ()))
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_two_runs_into_one_folder_are_not_mixed(tmp_path: Path) -> None:
    """The second one says so and writes nothing; afterwards the folder is free."""
    with alone_in(tmp_path / "out"), pytest.raises(UsageError, match="another run is writing"):
        alone_in(tmp_path / "out").__enter__()
    with alone_in(tmp_path / "out"):
        assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """And what a run that goes on has is not."""
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)  # noqa: S603  # ours
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    with alone_in(tmp_path), temporary_folder("test", tmp_path) as one, temporary_folder("test", tmp_path) as other:
        assert not left.exists()
        assert one.exists()
        assert other.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_stays_is_no_prepared_link(tmp_path: Path) -> None:
    """A link in its place is refused, and a folder of the same user closed to others."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    with pytest.raises(UsageError, match="is a link"):
        own_folder(tmp_path / "link")
    (tmp_path / "open").mkdir(mode=0o777)
    for name in ("new", "open"):
        assert own_folder(tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_prepared_link_is_not_written_through(tmp_path: Path) -> None:
    """Nor is a file that everybody may read."""
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "result").symlink_to(tmp_path / "target")
    with new_file(tmp_path / "result") as file:
        file.write(b"ours")
    assert (tmp_path / "target").read_text() == "theirs"
    assert (tmp_path / "result").lstat().st_mode & 0o777 == 0o600
    (tmp_path / ".test-link").symlink_to(tmp_path, target_is_directory=True)
    with temporary_folder("test", tmp_path):
        assert (tmp_path / "target").exists()


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    """They would wait for work for ever."""
    script = tmp_path / "parent.py"
    script.write_text(_WITH_WORKERS)
    said = subprocess.run([sys.executable, str(script)], capture_output=True, check=False, timeout=60)  # noqa: S603  # ours
    worker = int(said.stdout)
    until = time.monotonic() + 20
    while time.monotonic() < until and _runs(worker):
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_folder_is_filled_with_all_or_nothing(tmp_path: Path) -> None:
    """What stands there stays as it is until all of it is written; what a killed run has left goes with the next."""
    out = tmp_path / "out"
    with filled(out) as fresh:
        (fresh / "within").mkdir()
        (fresh / "within" / "a").write_text("one")
    with pytest.raises(OSError, match="full"), filled(out) as fresh:  # noqa: PT012  # what comes before it fails
        (fresh / "within").mkdir()
        (fresh / "within" / "a").write_text("two")
        raise OSError(errno.ENOSPC, "full")
    (out / ".new-dead").mkdir()
    with filled(out) as fresh:
        (fresh / "b").write_text("three")
    assert {str(each.relative_to(out)) for each in out.rglob("*")} == {"within", "within/a", "b"}
    assert (out / "within" / "a").read_text() == "one"


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """Also where its name is a link's; what is no file is written to as it is."""
    (tmp_path / "real").write_text("one")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="full"), whole_file(tmp_path / "link") as made:  # noqa: PT012  # as above
        made.write_text("half of")
        raise OSError(errno.ENOSPC, "full")
    assert (tmp_path / "real").read_text() == "one"
    with whole_file(tmp_path / "link") as made:
        made.write_text("two")
    assert ((tmp_path / "real").read_text(), (tmp_path / "link").is_symlink()) == ("two", True)
    with whole_file(Path("/dev/null")) as made:
        assert made == Path("/dev/null")
