"""Starts the service on a port."""

import gc
import ipaddress
import logging

import uvicorn

from adapter.errors import AdapterError, UsageError
from adapter.screening.settings import PREFIX
from adapter.service.app import create_app
from adapter.service.middleware import log_as_json
from adapter.service.settings import Settings
from adapter.store import open_database

LOOPBACK = "127.0.0.1"
PORT = 8080
_KEEP_ALIVE = 30
_SHUTDOWN = 30

log = logging.getLogger(__name__)


def run(settings: Settings, host: str = LOOPBACK, port: int = PORT) -> None:
    """Serve until the process is told to stop (SIGINT, SIGTERM); what has begun is finished first.

    Raises UsageError where others could reach the service and nothing says who may call it, StoreError where the
    webhook's database can't be used, AdapterError where the service doesn't start.
    """
    check_bind(settings, host)
    log_as_json()
    if settings.jwks_url and not settings.jwt_audience:
        log.warning("%sJWT_AUDIENCE is not set: tokens that were made for other services are accepted", PREFIX)
    if settings.hook is not None:
        open_database(settings.hook.database_url, settings.hook.patience).close()  # said at once if it can't be used
    made = server(settings, host, port)
    made.run()
    if not made.started:
        msg = "the service did not start; its log says why"
        raise AdapterError(msg)


def server(settings: Settings, host: str, port: int) -> uvicorn.Server:
    """The server, not yet started; port 0 takes a free one."""
    app = create_app(settings)
    gc.collect()
    gc.freeze()  # what is loaded stays for good; collections needn't walk through it again
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,  # it would log addresses, which may name patients; `middleware` logs instead
            log_config=None,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_SHUTDOWN,
        )
    )


def check_bind(settings: Settings, host: str) -> None:
    """Raises UsageError unless the host is this machine alone, or callers need a token."""
    if settings.asks_who_calls or is_loopback(host):
        return
    msg = (
        f"on {host or 'all addresses'} others can reach the service; set {PREFIX}API_TOKENS or {PREFIX}JWKS_URL, "
        f"or serve on {LOOPBACK}"
    )
    raise UsageError(msg)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that is bound there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
