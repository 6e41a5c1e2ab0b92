"""A wheel whose core is compiled: the same answers in fewer instructions (docs/running.md, ADR 35).

The pure code is the reference, and nothing in it knows of this. `sources.py` writes the modules of `modules.txt` anew
as mypyc takes them, `library.py` makes one library of them, with `inline_cache.h` in place of look-ups by name, and
`build.py` puts it beside the pure modules, which Python then passes over. `check.py` compares what both answer.
"""
