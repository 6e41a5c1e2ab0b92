"""A fault of `broken.yaml`, and how it is put into a resource."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row: what is wrong (`it`), in which resource (`of`), how it comes in, and what the validator must say."""

    it: str
    of: str
    says: str
    remove: list[str] = field(default_factory=list)
    set: Json = field(default_factory=dict)
    add: Json = field(default_factory=dict)

    def put_into(self, resource: Json) -> Json:
        """A copy of the resource with the fault; an error if the row names a place that isn't there."""
        broken = deepcopy(resource)
        for path, value in self.set.items():
            holder, last = _place(broken, path)
            holder[last] = value
        for path, value in self.add.items():
            holder, last = _place(broken, path)
            holder[last].append(value)
        for path in self.remove:
            holder, last = _place(broken, path)
            del holder[last]
        assert broken != resource, self.it
        return broken


def _place(resource: Json, path: str) -> tuple[Any, Any]:
    """What holds the last step of a path, and that step as a key or a place in a list."""
    *steps, last = path.split("/")
    holder: Any = resource
    for step in steps:
        holder = _criterion(holder, step[1:]) if step.startswith("@") else holder[_key(holder, step)]
    return holder, _key(holder, last)


def _key(holder: Any, step: str) -> str | int:  # noqa: ANN401  # any part of a resource
    if isinstance(holder, dict):
        return step
    if step.isdecimal():
        return int(step)
    name, _, value = step.partition("=")
    return next(place for place, each in enumerate(holder) if f"/{each.get(name)}".endswith(f"/{value}"))


def _criterion(below: Any, wanted: str) -> Json:  # noqa: ANN401  # any part of a resource
    """The action with this prefix, or the parameter with this id among its parts."""
    stack = [below]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            ids = [part.get("valueString") for part in each.get("part", ()) if part.get("name") == "id"]
            if wanted in (each.get("prefix"), *ids):
                return each
        stack += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
    msg = f"no criterion {wanted}"
    raise LookupError(msg)
