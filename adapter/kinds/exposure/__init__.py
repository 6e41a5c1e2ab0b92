"""`exposure`: a drug or procedure within a window before as-of, or ever."""
