"""Who may tell the webhook of changes: a FHIR server that sends the secret that was given to its Subscription."""

import hmac
from collections.abc import Iterable

from adapter.service.errors import UnauthorizedError

REALM = 'Bearer realm="fhir-trial-adapter hook"'


class HookGate:
    """Knows the site's secrets: several while an old one is replaced, and none where there is no webhook."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """The secrets."""
        self._secrets = [secret.encode() for secret in secrets]

    def check(self, authorization: str | None) -> None:
        """Raises UnauthorizedError. Compares in a time that says nothing of which secret was close."""
        if not self._secrets:
            msg = "there is no webhook here; set TRIAL_ADAPTER_HOOK_SECRET and TRIAL_ADAPTER_FHIR_URL"
            raise UnauthorizedError(msg, REALM)
        scheme, _, sent = (authorization or "").partition(" ")
        plain = sent.strip().encode(errors="replace")
        known = sum([hmac.compare_digest(plain, secret) for secret in self._secrets]) > 0
        if scheme.lower() != "bearer" or not known:
            msg = "send the webhook's secret: Authorization: Bearer <secret>"
            raise UnauthorizedError(msg, REALM)


def is_hook(path: str) -> bool:
    """Whether an address is the webhook's."""
    return path == "/hook" or path.startswith("/hook/")
