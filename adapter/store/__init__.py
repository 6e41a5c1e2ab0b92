"""What the webhook remembers: SQLite in one file, or PostgreSQL where several nodes share the work."""

from adapter.store.database import Database, open_database

__all__ = ["Database", "open_database"]
