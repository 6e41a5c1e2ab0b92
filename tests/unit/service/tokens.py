"""Tokens for tests, signed with keys that are made when the tests run."""

import time
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

Json = dict[str, Any]
URL = "https://identity.example.org/jwks"


@cache
def key(kid: str) -> ec.EllipticCurvePrivateKey:  # noqa: ARG001
    """A private key for each name."""
    return ec.generate_private_key(ec.SECP256R1())


def token(kid: str = "k1", header: Json | None = None, **claims: object) -> str:
    """A JWT that is good for a minute, with the scope that is needed, unless the claims say otherwise."""
    said = {"exp": time.time() + 60, "scope": "system/*.read", **claims}
    return jwt.encode(
        {name: value for name, value in said.items() if value is not None},
        key(kid),
        "ES256",
        {"kid": kid, **(header or {})},
    )


def key_set(*kids: str) -> Json:
    """The JSON Web Key Set of some names."""
    keys = [ECAlgorithm.to_jwk(key(kid).public_key(), as_dict=True) for kid in kids]
    return {"keys": [{**each, "kid": kid, "use": "sig"} for each, kid in zip(keys, kids, strict=True)]}


class Provider(httpx.AsyncBaseTransport):
    """An identity provider that answers what it is told to, and counts."""

    def __init__(self, content: object = None, status: int = 200) -> None:  # noqa: D107
        self.content = key_set("k1") if content is None else content
        self.status = status
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.asked += 1
        if self.status == 0:
            msg = "no connection"
            raise httpx.ConnectError(msg, request=request)
        return httpx.Response(self.status, json=self.content)
