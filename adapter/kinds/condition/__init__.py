"""`condition`: a diagnosis on record, or what settles it."""
