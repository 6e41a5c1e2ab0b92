"""What mypyc would lose of a module is written in another way, and means the same."""

import pytest
from msgspec import Struct, json

from compiled.build import ROOT, modules
from compiled.library import cached
from compiled.sources import SourceError, bases_module, rewritten

MODULE = '''"""What it is: µg."""

from functools import cached_property, partial

from msgspec import Struct


class Amount(Struct, frozen=True, gc=False, rename="camel"):
    """One."""

    in_units: int | str | None = None
    of_all: "tuple[int, ...]" = ()


class More(Amount, frozen=True, gc=False):
    """Two."""

    also: tuple[Amount, ...] = ()
'''


def test_a_struct_decodes_as_it_did() -> None:
    """Its keywords, its fields and their types are those that it had."""
    found = rewritten(MODULE)
    body, stub = bases_module(found.bases)
    assert "cached_property" in stub
    scope: dict[str, object] = {"__name__": "made"}
    exec(body, scope)  # noqa: S102  # what is tested
    text = found.text.replace("from adapter._bases", "# from").replace("from mypy_extensions", "# from")
    exec(text, scope)  # noqa: S102  # likewise
    more = scope["More"]
    assert isinstance(more, type)
    assert issubclass(more, Struct)
    amount = scope["Amount"]
    assert isinstance(amount, type)
    assert more.__struct_config__.frozen
    assert not more.__struct_config__.gc
    assert more.__struct_encode_fields__ == ("inUnits", "ofAll", "also")
    assert more.__annotations__ == {"also": "tuple[Amount, ...]"}
    assert amount.__annotations__ == {"in_units": "Union[Union[int, str], None]", "of_all": "tuple[int, ...]"}
    assert (
        json.encode(more(also=(amount(in_units=1),)))
        == b'{"inUnits":null,"ofAll":[],"also":[{"inUnits":1,"ofAll":[]}]}'
    )


def test_a_docstring_is_given_again() -> None:
    """The schema of trials describes each statement by it; mypyc leaves a filler."""
    assert "setattr(More, '__doc__', 'Two.')\n" in rewritten(MODULE).text


def test_a_cached_property_stays_one() -> None:
    """Under a name whose type mypyc doesn't know: as a plain property it would be worked out each time."""
    text = rewritten(MODULE).text
    assert "from functools import partial\n" in text
    assert "cached_property" in next(line for line in text.splitlines() if line.startswith("from adapter._bases"))


@pytest.mark.parametrize(
    "source",
    [
        "@dataclass(frozen=True)\nclass A:\n    def __post_init__(self) -> None: ...\n",
        'class A(B, frozen=True, tag="a"):\n    x: int = 0\n',
    ],
)
def test_what_cannot_be_compiled_is_refused(source: str) -> None:
    """It would be compiled to something else."""
    with pytest.raises(SourceError):
        rewritten(source)


def test_every_module_that_is_compiled_can_be() -> None:
    """The list names modules that are there, each once."""
    names = modules()
    assert len(names) == len(set(names)) > 40
    for name in names:
        compile(rewritten((ROOT / name).read_text(encoding="utf-8")).text, name, "exec")


def test_only_look_ups_by_a_constant_name_are_remembered() -> None:
    """`getattr(value, name)` is the same call in C: with a remembered name it gave the first name's value to all."""
    constant = "    cpy_r_r7 = CPyStatics[17]; /* 'outcome' */\n    cpy_r_r8 = CPyObject_GetAttr(cpy_r_r6, cpy_r_r7);\n"
    changing = "    cpy_r_r9 = CPyObject_GetAttr(cpy_r_r6, cpy_r_name);\n"
    named = (
        "    cpy_r_r1 = CPyStatic_tree___globals;\n    cpy_r_r2 = CPyStatics[3]; /* 'UNKNOWN' */\n"
        "    cpy_r_r3 = CPyDict_GetItem(cpy_r_r1, cpy_r_r2);\n"
    )
    other = "    cpy_r_r3 = CPyDict_GetItem(cpy_r_r1, cpy_r_key);\n"
    assert cached(constant) == constant.replace("CPyObject_GetAttr", "IC_GET_ATTRIBUTE")
    assert cached(changing) == changing
    assert cached(named) == named.replace("CPyDict_GetItem", "IC_GET_GLOBAL")
    assert cached(other) == other
