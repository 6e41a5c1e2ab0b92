"""Trial definitions as CQL: a library a study, one with the terminology's codes, and the functions that all share."""
