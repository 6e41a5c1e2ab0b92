"""`python bench/compare_worker.py DIR`: does what it is told with the patients in a folder, and says how long it took.

Each line of stdin is a JSON list: the policy, `one` trial or `all`, what to do (`read` or `full`), and from which
patient to which. The answer is a line with the seconds of processor time. It uses nothing that changed between the
commits that it compares, and runs with the packages of each.
"""

import gc
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

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
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        policy, which, what, first, last = json.loads(line)
        start = time.process_time()
        for data in patients[first:last]:
            record = read_record(data, terminology)
            if what == "full":
                for verdict in evaluate_all(bounds[which], record, AS_OF, policies[policy]):
                    _ = verdict.criteria
        sys.stdout.write(f"{time.process_time() - start}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
