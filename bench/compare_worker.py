"""`python bench/compare_worker.py DIR`: does what it is told with the patients in a folder, and says how long it took.

Each line of stdin is a JSON list: the policy, `one` trial or `all`, what to do (`read`, `full`, or `screen` for all
trials as the site has it), and from which patient to which. The answer is a line with the seconds of processor time.
But for screening, it uses nothing that changed between the commits that it compares; it runs with the packages of each.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adapter.evaluator import bind, evaluate_all
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial import load_definitions

AS_OF = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
ONE = "nct07008872"


def main() -> None:
    """Answer until stdin ends."""
    patients = [file.read_bytes() for file in sorted(Path(sys.argv[1]).glob("*.json"))]
    terminology = load_terminology()
    bounds = {"all": [bind(definition, terminology) for definition in load_definitions()]}
    bounds["one"] = [bound for bound in bounds["all"] if bound.definition.id == ONE]
    policies = {name: load_policy(name) for name in ("strict", "problem-list")}
    screen = screening()
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        policy, which, what, first, last = json.loads(line)
        start = time.process_time()
        for data in patients[first:last]:
            if what == "screen":
                screen(data)
                continue
            record = read_record(data, terminology)
            if what == "full":
                for verdict in evaluate_all(bounds[which], record, AS_OF, policies[policy]):
                    _ = verdict.criteria
        sys.stdout.write(f"{time.process_time() - start}\n")
        sys.stdout.flush()


def screening() -> Callable[[bytes], object]:
    """What screens one patient for all trials, under either name that its modules have had."""
    setup, source = import_module("adapter.screening.setup"), import_module("adapter.screening.source")
    old = find_spec("adapter.screening.outcome") is not None
    screen = import_module("adapter.screening.outcome" if old else "adapter.screening.screen")
    opened: Callable[[bytes], Any] = bytes if old else import_module("adapter.record.contents").contents_of
    looks = find_spec("adapter.record.glance") is not None
    looked: Callable[[bytes], Any] = import_module("adapter.record.glance").glance if looks else lambda _: None
    loaded = setup.load_setup(setup.Site() if old else setup.SiteConfig(), None)
    screener = screen.Screener(setup=loaded, as_of=AS_OF, keep_all=False)
    return lambda data: screener(source.PatientInput("", looked(data) or opened(data)))


if __name__ == "__main__":
    main()
