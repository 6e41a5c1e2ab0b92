"""How people write units, brought to one form: letter case, blanks and the ways to write a power of ten say nothing."""

import re

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_SUP = re.compile(r"<sup>(\d+)</sup>")
_BLANKS = re.compile(r"\s+")
_POWER = re.compile(
    r"(?:[x×·*.])?10(?:\*\*|\^|\*|exp|e)\(?\+?(\d{1,2})\)?|(?:[x×·*.])?10\((\d{1,2})\)|(?<![\w{])[x×]?e(\d{1,2})(?=/)"
)
_LETTER_POWER = re.compile(r"(?<=[a-z])(?:\^|\*\*|\*)(\d)")


def unit_key(text: str) -> str:
    """The form under which tables hold a unit's text: `×10⁹ / L`, `10E9/l` and `10^9/L` are all `10*9/l`."""
    raised = _RAISED.sub(lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    lower = _BLANKS.sub("", _SUP.sub(r"^\1", raised.casefold())).replace("μ", "u").replace("µ", "u")
    power = _POWER.sub(lambda found: f"10*{found[1] or found[2] or found[3]}", lower)
    return _LETTER_POWER.sub(r"\1", power)
