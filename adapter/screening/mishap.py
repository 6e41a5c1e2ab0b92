"""Naming an error that nobody expected without showing what it was about (invariant 8)."""

from traceback import walk_tb

_OURS = ("adapter.", "mappings.")


def place_of(error: BaseException) -> str:
    """The error's type and the last place in our own code; never its text, which may hold patient data."""
    places = [
        f"{frame.f_globals['__name__']}:{line}"
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(_OURS)
    ]
    return f"{type(error).__name__} in {places[-1]}" if places else type(error).__name__
