"""Screening by many machines: Spark reads and sorts the source, and the evaluator runs in its Python workers.

Three steps (`run.py`), each kept for a run that goes on: every line becomes an event (`events.py`), events are sorted
so that whatever may be one patient's stands together, and each such bucket is sorted by patient and judged by what does
it without Spark (`judge.py`). It needs the extra `spark`; importing it without raises ModuleNotFoundError.
"""
