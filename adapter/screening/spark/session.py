"""Spark itself, and the folders that it reaches: `file`, `s3a`, `hdfs`, and whatever else its Hadoop knows.

pyspark ships types, but need not be installed where this is checked: its objects are `Any` here.

The files of a source as Spark reads them: which of them many tasks may share, and which are read whole.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

import pyspark
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from adapter.errors import AdapterError, InputError, UsageError
from adapter.screening.source import LeftOut, Unread
from adapter.screening.source.folder import GZIP, Files, find_files, opened, other, shown

Session = Any
"""A SparkSession."""

_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    # A batch becomes one message to Python: lines that are whole records have up to some MB
    "spark.sql.execution.arrow.maxRecordsPerBatch": "128",
    # What a task has written counts once the driver says so, and a job's files once all of it is done
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1",
    # All of it is patient data
    "spark.hadoop.fs.permissions.umask-mode": "077",
}
"""What a `--spark-setting` goes before."""

_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.authenticate": "true",
}
"""On one machine nobody else has to reach what Spark listens on: whoever asks would get blocks of patient data."""

_MASTER = re.compile(r"(?:--master|^\s*spark\.master)[\s=:]+(\S+)", re.MULTILINE)


_OURS = re.compile("internal error, please report it: [^\n]*")
"""What our own code says in a Python worker (`events.by_place`)."""


@contextmanager
def open_session(master: str | None, settings: Mapping[str, str]) -> Iterator[Session]:
    """A session, which is ended with the block; one that is there already is taken, and left.

    Raises UsageError where there is no Java, and AdapterError where Spark fails within the block.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        with _told():
            yield active
        return
    if master is None or master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("trial-adapter")
    for name, value in chosen_settings(master, settings).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JJavaError) as error:
        msg = f"Spark doesn't start; it wants Java 17 or 21, and a --master that is there: {_first_line(error)}"
        raise UsageError(msg) from error
    with _told():
        try:
            yield session
        finally:
            session.stop()


def chosen_settings(master: str | None, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a session: ours, and those that go before them."""
    asked = {**settings, **({"spark.master": master} if master else {})}
    found = asked.get("spark.master") or _configured_master()
    local = found == "local" or found.startswith("local[")
    return {**_SETTINGS, **(_LOCAL if local else {}), **asked}


def _configured_master() -> str:
    """The master where none is asked for: as Spark is set up, else as it does by itself."""
    home = Path(os.environ.get("SPARK_HOME") or pyspark.__path__[0])
    file = Path(os.environ.get("SPARK_CONF_DIR") or home / "conf") / "spark-defaults.conf"
    text = file.read_text(errors="replace") if file.is_file() else ""
    found = _MASTER.search(f"{os.environ.get('PYSPARK_SUBMIT_ARGS', '')}\n{text}")
    return found[1] if found else os.environ.get("MASTER") or "local[*]"


@contextmanager
def _told() -> Iterator[None]:
    """What Spark says of a failure, to its first line: the others may hold a record's content."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        msg = f"Spark has given up: {_first_line(error)}; what it has done stays for the next run"
        raise AdapterError(msg) from error
    except (Py4JError, ConnectionError) as error:
        msg = (
            "Spark's driver has ended; if it ran out of memory, give it more (--spark-setting spark.driver.memory=4g);"
            " what it has done stays for the next run"
        )
        raise AdapterError(msg) from error


def _first_line(error: Exception) -> str:
    java = getattr(error, "java_exception", None)
    text = str(java.toString() if java is not None else error)
    ours = _OURS.search(text)
    lines = [ours[0]] if ours else [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder of a file system that Hadoop knows. Raises UsageError where that can't be reached."""

    session: Session
    url: str

    @property
    def name(self) -> str:
        """As of a Path."""
        return PurePosixPath(self.url).name

    @property
    def suffix(self) -> str:
        """As of a Path."""
        return PurePosixPath(self.name).suffix

    def with_suffix(self, suffix: str) -> Self:
        """As of a Path."""
        return type(self)(self.session, self.url.removesuffix(self.suffix) + suffix)

    def __truediv__(self, name: str) -> Self:
        """As of a Path."""
        return type(self)(self.session, f"{self.url.rstrip('/')}/{name}")

    def exists(self) -> bool:
        """As of a Path."""
        return bool(self._system().exists(self._path()))

    def is_dir(self) -> bool:
        """As of a Path."""
        return bool(self._system().getFileStatus(self._path()).isDirectory())

    def iterdir(self) -> list[Self]:
        """As of a Path."""
        return [type(self)(self.session, each.getPath().toString()) for each in self._listed(self.url)]

    def version(self) -> tuple[int, int]:
        """Its length, and when it was written: another one has others."""
        status = self._system().getFileStatus(self._path())
        return int(status.getLen()), int(status.getModificationTime())

    def begins(self, start: bytes) -> bool:
        """Whether the file begins so."""
        with _closing(self._system().open(self._path())) as stream:
            return all(stream.read() == byte for byte in start)

    def read_text(self) -> str:
        """As of a Path."""
        jvm = self.session.sparkContext._jvm  # noqa: SLF001  # there is no other way to Hadoop
        with _closing(self._system().open(self._path())) as stream:
            return str(jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8"))

    def write_text(self, text: str) -> None:
        """As of a Path."""
        with _closing(self._system().create(self._path(), True)) as stream:  # noqa: FBT003  # Java's
            stream.write(bytearray(text.encode()))

    def remove(self) -> None:
        """Remove it with all that is in it; nothing where it isn't there."""
        self._system().delete(self._path(), True)  # noqa: FBT003  # Java's

    def _path(self) -> Any:  # noqa: ANN401  # Java's
        return self.session.sparkContext._jvm.org.apache.hadoop.fs.Path(self.url)  # noqa: SLF001  # as above

    def _listed(self, url: str) -> Any:  # noqa: ANN401  # Java's
        return type(self)(self.session, url)._system().listStatus(self._path())  # noqa: SLF001  # its own

    def _system(self) -> Any:  # noqa: ANN401  # Java's
        try:
            return self._path().getFileSystem(self.session.sparkContext._jsc.hadoopConfiguration())  # noqa: SLF001
        except Py4JJavaError as error:
            msg = f"{self.url} can't be reached: {_first_line(error)}"
            raise UsageError(msg) from error


@contextmanager
def _closing(stream: Any) -> Iterator[Any]:  # noqa: ANN401  # Java's
    try:
        yield stream
    finally:
        stream.close()


_MOST_WHOLE = 1 << 30
"""Bytes of a file that one task reads whole: Bundles, and what is compressed."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the source. `lines`: many tasks may read it; `failure`: why none can."""

    url: str
    name: str
    size: int
    changed: int
    lines: bool
    failure: Unread | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """All files in their order, the first so many of them Bundles; and what is said of those that aren't read."""

    files: tuple[File, ...]
    bundles: int
    others: tuple[Unread | LeftOut, ...]


def files_of(session: Session, source: str) -> Source:
    """The files of a folder or of an address. Raises UsageError where there is nothing to read, or one is too large."""
    local = re.match(r"[a-z0-9]+:/", source) is None
    if local:
        if not Path(source).exists():
            msg = f"--source {source} does not exist; name a file, a folder, or an address that Spark reaches"
            raise UsageError(msg)
        return _listed(find_files(Path(source)), local_file)
    place = Place(session, source)
    if not place.exists():
        msg = f"--source {source} does not exist"
        raise UsageError(msg)
    return _listed(find_files(place), _remote)


def _listed(files: "Files[Any]", seen: Callable[..., File]) -> Source:
    found = (*(seen(each, lines=False) for each in files.bundles), *(seen(each, lines=True) for each in files.lines))
    for each in found:
        if not each.lines and each.size > _MOST_WHOLE:
            msg = f"{each.name} has more than {_MOST_WHOLE:,} bytes, which one task would have to read; split it"
            raise UsageError(msg)
    return Source(found, len(files.bundles), tuple(map(other, files.others)))


def local_file(path: Path, *, lines: bool) -> File:
    """A file that is there; `lines`: it may have lines."""
    try:
        with opened(path):
            pass
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
    except InputError as error:
        return File("", shown(path), 0, 0, lines=False, failure=Unread(shown(path), str(error)))
    status = path.stat()
    split = lines and not packed and path.suffix.lower() != ".gz"
    return File(f"file:{path.absolute()}", shown(path), status.st_size, status.st_mtime_ns, lines=split)


def _remote(path: Place, *, lines: bool) -> File:
    size, changed = path.version()
    split = lines and path.suffix.lower() != ".gz" and not path.begins(GZIP)
    return File(path.url, shown(path), size, changed, lines=split)


def plain(url: str) -> str:
    """An address in which nothing is a pattern to Hadoop."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", url)


def ddl(schema: Any) -> str:  # noqa: ANN401  # pyarrow has no types
    """A schema of Arrow as Spark writes it."""
    return ", ".join(f"`{each.name}` {_type(each.type)}" for each in schema)


def _type(arrow: Any) -> str:  # noqa: ANN401  # as above
    if hasattr(arrow, "value_type"):
        return f"array<{_type(arrow.value_type)}>"
    if hasattr(arrow, "num_fields") and arrow.num_fields:
        return f"struct<{', '.join(f'`{each.name}`: {_type(each.type)}' for each in arrow)}>"
    return {"bool": "boolean", "int64": "bigint"}.get(str(arrow), str(arrow))
