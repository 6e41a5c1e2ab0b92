"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Studies = Annotated[list[str], typer.Option("--study", metavar="ID", help="A trial's id; may be repeated.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="T", help="A date (the end of that local day) or dateTime; now if not given.")
]
PolicyName = Annotated[
    str,
    typer.Option("--policy", metavar="NAME|FILE", envvar="TRIAL_ADAPTER_POLICY", help="strict, problem-list, a file."),
]
Trials = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URL", envvar="TRIAL_ADAPTER_TRIALS", help="Further definitions: a folder, or a FHIR server's base."
    ),
]
ImportedTerminology = Annotated[
    Path | None,
    typer.Option(
        "--terminology",
        metavar="FILE",
        envvar="TRIAL_ADAPTER_TERMINOLOGY",
        help="What `terminology import` has kept of the site's own releases.",
    ),
]
OutFolder = Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the results go.")]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL", envvar="TRIAL_ADAPTER_FHIR_URL", help="The FHIR server's base; credentials in the environment."
    ),
]
ResearchServer = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The research FHIR server's base; else as the environment says."),
]
WriteBack = Annotated[
    bool, typer.Option("--write-back", help="Put ResearchSubjects and GuidanceResponses on the research FHIR server.")
]
