"""An OMOP database in PostgreSQL converts to the same as its files."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from adapter import cli
from tests.golden.omop.regenerate import EXAMPLE, FOLDER, made
from tests.integration.postgres import postgres


def test_postgresql_converts_to_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables are read in one transaction, from the schema that is named or the one that is searched."""
    with postgres() as url:
        with psycopg.connect(url) as connection:
            for file in EXAMPLE.iterdir():
                _load(connection, file)
        (tmp_path / "all").mkdir()
        for name, data in made(tmp_path / "all", url).items():
            assert data == (FOLDER / name).read_bytes(), name
        out = ["--out", str(tmp_path / "out")]
        assert cli.main(["convert", "omop", url, "--schema", "public", *out]) == 0
        assert "of 3 patients" in capsys.readouterr().out
        assert cli.main(["convert", "omop", url, "--schema", "nowhere", *out]) == 1
        assert "no table person" in capsys.readouterr().err


def _load(connection: psycopg.Connection, file: Path) -> None:
    delimiter = "\t" if file.name.startswith("CONCEPT") else ","
    lines = file.read_text(encoding="utf-8").splitlines()
    columns = lines[0].split(delimiter)
    table = sql.Identifier(file.stem.lower())
    definitions = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, definitions))
    quote = sql.Literal("\b" if delimiter == "\t" else '"')  # vocabulary files have no quotes
    form = sql.SQL("FORMAT csv, HEADER true, DELIMITER {}, QUOTE {}").format(sql.Literal(delimiter), quote)
    with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN ({})").format(table, form)) as copy:
        copy.write(file.read_bytes())
