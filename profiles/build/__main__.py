"""Build the package anew: `python -m profiles.build [--out FOLDER]`; Node, npm, Java and Maven are needed."""

import argparse
import sys
from pathlib import Path

from profiles.build.package import write_package
from profiles.build.sushi import BuildError

PROFILES = Path(__file__).parents[1]


def main() -> None:
    """Build into a folder; by default over what is committed."""
    parser = argparse.ArgumentParser(prog="python -m profiles.build", description="Build the FHIR package")
    parser.add_argument("--out", type=Path, default=PROFILES, help="folder for package/ and package.tgz")
    out = parser.parse_args().out
    try:
        files = write_package(out)
    except BuildError as error:
        sys.exit(f"no package: {error}")
    print(f"{len(files)} files in {out / 'package'}, and the same in {out / 'package.tgz'}")  # noqa: T201  # the command's answer


if __name__ == "__main__":
    main()
