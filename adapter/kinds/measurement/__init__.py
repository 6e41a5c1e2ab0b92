"""`measurement`: an analyte against a quantity, a limit of normal, a finding or a boolean."""
