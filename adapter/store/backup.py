"""A copy of an SQLite database while others work on it, by SQLite's online backup. PostgreSQL has pg_dump for that."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from adapter.errors import StoreError, UsageError

_OWNER_ALONE = 0o600


def back_up(url: str, to: Path) -> int:
    """Copy the database at an SQLAlchemy URL into a new file, its owner's alone; its bytes.

    It holds what was committed when the copy began, and is checked. Raises UsageError for another database than SQLite,
    StoreError where a file is there already or the copy is not sound.
    """
    parsed = make_url(url)
    if parsed.drivername != "sqlite":
        msg = "PostgreSQL makes its own backups: pg_dump --format=custom --file=FILE DATABASE (docs/operations.md)"
        raise UsageError(msg)
    try:
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ALONE))
    except FileExistsError:
        msg = f"{to} is there already; name a new file"
        raise StoreError(msg) from None
    try:
        source = f"{Path(parsed.database or '').absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as held, closing(sqlite3.connect(to)) as copy:
            held.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, nothing beside it
            ((said,),) = copy.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        to.unlink()
        msg = f"the database can't be copied ({type(error).__name__}); is it there, and is there room?"
        raise StoreError(msg) from error
    if said != "ok":
        to.unlink()
        msg = "the database is damaged; restore the last backup"
        raise StoreError(msg)
    return to.stat().st_size
