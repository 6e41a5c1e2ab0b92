"""Write the documents' samples anew: `python -m tests.docs.regenerate [--server URL]`, or `make docs-samples`.

Those that need a FHIR server are left alone without one; `make hapi` starts one. It is emptied before each of them.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import ROOT
from tests.docs.samples import DOCUMENTS, regenerated, samples
from tests.integration.hapi.client import Hapi


def main() -> None:
    """Write every document whose samples have changed, and name it."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.regenerate", description=__doc__)
    parser.add_argument("--server", metavar="URL", help="a HAPI FHIR server; all that is on it is removed")
    server = parser.parse_args().server
    for document in DOCUMENTS:
        text = made = document.read_text(encoding="utf-8")
        for sample in reversed(list(samples(text))):  # from the end, so that the places before stay right
            if sample.server is None or server is not None:
                if sample.server:
                    Hapi(server).empty()
                with TemporaryDirectory() as folder:
                    now = regenerated(sample, Path(folder), server if sample.server else None)
                made = made[: sample.begin] + now + made[sample.end :]
        if made != text:
            document.write_text(made, encoding="utf-8")
            print(document.relative_to(ROOT))  # noqa: T201  # it is what the command is for


if __name__ == "__main__":
    main()
