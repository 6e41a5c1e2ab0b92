"""What people read on a terminal: one verdict explained, the list of trials, the result of a screening."""
