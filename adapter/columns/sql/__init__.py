"""The algebra as SQL over facts in columns: rows of what is asked, joined with what is on record."""
