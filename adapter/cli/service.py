"""Commands that run the service."""

import os
from typing import Annotated

import typer


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback callers need tokens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
) -> None:
    """Serve `$evaluate` and the trials over HTTP; settings come from the environment (docs/running.md)."""
    from adapter.service.serve import run  # noqa: PLC0415  # the other commands need no web server
    from adapter.service.settings import settings_from  # noqa: PLC0415

    run(settings_from(os.environ), host, port)
