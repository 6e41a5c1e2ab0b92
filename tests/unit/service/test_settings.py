"""How the service is set up, and where it may listen."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapter.errors import UsageError
from adapter.service import Settings, run, settings_from
from adapter.service.access import UserTokens
from adapter.service.limits import Limits
from adapter.service.serve import check_bind, is_loopback
from adapter.service.site import load_policies
from adapter.service.tokens import unnamed
from adapter.store.queue import LONGEST_SETTLE

ONE, TWO, THREE = "one" * 6, "two" * 6, "three" * 6


def test_nothing_set() -> None:
    """An empty environment, or one with empty variables, gives the defaults."""
    assert settings_from({}) == Settings() == settings_from({"TRIAL_ADAPTER_API_TOKENS": " ", "PATH": "/bin"})
    assert not Settings().asks_who_calls


def test_a_setting_that_is_misspelt_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """By its name, with the one that is meant, and never with its value; what Kubernetes sets is none of ours."""
    names = ("FHIR_TOKN", "TOKEN_FILE", "CURE", "SERVICE_HOST", "PORT_8080_TCP", "RESEARCH_FHIR_URL", "FHIR_URL")
    said = dict.fromkeys((f"TRIAL_ADAPTER_{name}" for name in names), "https://s.example/fhir")
    settings_from(said | {"trial_adapter_cache": "/tmp/x"})  # noqa: S108  # nothing is written
    assert caplog.messages == [
        "TRIAL_ADAPTER_CURE is no setting; take it out",
        "TRIAL_ADAPTER_FHIR_TOKN is no setting; is TRIAL_ADAPTER_FHIR_TOKEN meant?",
        "TRIAL_ADAPTER_TOKEN_FILE is no setting; is TRIAL_ADAPTER_TOKENS_FILE meant?",
    ]


def test_everything_set() -> None:
    """Each variable has its setting."""
    said = {
        "POLICY": "problem-list",
        "TRIALS": "/srv/trials",
        "API_TOKENS": f"{ONE}, {TWO}\n{THREE}",
        "JWKS_URL": "https://identity.example.org/jwks",
        "JWT_AUDIENCE": "adapter",
        "JWT_ISSUER": "https://identity.example.org",
        "MAX_BODY": "1000",
        "MAX_SUBJECTS": "5",
        "MAX_WAITING": "3",
        "TIMEOUT": "9",
    }
    assert settings_from({f"TRIAL_ADAPTER_{name}": value for name, value in said.items()}) == Settings(
        policy="problem-list",
        trials=Path("/srv/trials"),
        tokens=unnamed((ONE, TWO, THREE), ""),
        jwks_url="https://identity.example.org/jwks",
        jwt_audience="adapter",
        jwt_issuer="https://identity.example.org",
        limits=Limits(max_body=1000, max_subjects=5, max_waiting=3, timeout=9),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BODY", "1 MB"),
        ("TIMEOUT", "0"),
        ("MAX_WAITING", "-1"),
        ("MAX_SUBJECTS", "²"),
        ("JWKS_URL", "http://i.example"),
    ],
)
def test_values_that_can_not_be_meant(name: str, value: str) -> None:
    """A wrong value is named, with what to do."""
    with pytest.raises(UsageError, match=f"TRIAL_ADAPTER_{name}"):
        settings_from({f"TRIAL_ADAPTER_{name}": value})


def test_tokens_are_not_shown() -> None:
    """Settings that are printed by accident don't show the tokens."""
    assert "secret" not in repr(Settings(tokens=unnamed(("secret" * 5,), "")))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_alone(host: str) -> None:
    """On loopback no token is needed."""
    assert is_loopback(host)
    check_bind(Settings(), host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "adapter.example.org", "127.0.0.1.example.org"])  # noqa: S104
def test_others_can_reach_it(host: str) -> None:
    """Elsewhere the service refuses to start unless something says who may call."""
    with pytest.raises(UsageError, match="TOKENS_FILE"):
        run(Settings(), host, 0)
    check_bind(Settings(tokens=unnamed(("t" * 16,), "")), host)
    check_bind(Settings(jwks_url="https://identity.example.org/jwks"), host)


def test_policies(tmp_path: Path) -> None:
    """The shipped policies can be asked for, and the site's own by its id; it is the default."""
    own = tmp_path / "own.yaml"
    own.write_text("id: our-site\ntitle: Our site\nextends: problem-list\n", encoding="utf-8")
    policies = load_policies(Settings(policy=str(own)))
    assert (policies.default, sorted(policies.setups)) == ("our-site", ["our-site", "problem-list", "strict"])


def test_a_policy_that_is_not_there() -> None:
    """The service doesn't start with a policy that it can't find."""
    with pytest.raises(UsageError, match="no policy"):
        load_policies(Settings(policy="lenient"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWKS_URL", "http://localhost:80@evil.example/jwks"),
        ("JWKS_URL", "https://user:s3cret@identity.example.org/jwks"),
        ("FHIR_URL", "https://user:s3cret@fhir.example.org/r4"),
        ("FHIR_URL", "https://fhir.example.org/r4?token=s3cret"),
        ("HOOK_URL", "https://user:s3cret@adapter.example.org/hook"),
        ("HOOK_URL", "ftp://user:s3cret@adapter.example.org/hook"),
        ("EVENT_URLS", "http://events.example.org/?token=s3cret"),
        ("HOOK_SECRET", "s3cret"),
    ],
)
def test_addresses_that_hide_or_show_something(name: str, value: str) -> None:
    """A user name in an address may look like the host; what is secret in an address or setting is not repeated."""
    usual = {"HOOK_SECRET": "x" * 16, "FHIR_URL": "https://fhir.example.org/r4", "EVENT_SECRET": "y" * 16}
    with pytest.raises(UsageError) as caught:
        settings_from({f"TRIAL_ADAPTER_{key}": text for key, text in {**usual, name: value}.items()})
    assert "s3cret" not in str(caught.value)


def test_changes_are_not_waited_for_so_long_that_the_clock_seems_wrong() -> None:
    """A row that is due much later is taken for one of a clock that was ahead."""
    usual = {"TRIAL_ADAPTER_HOOK_SECRET": "x" * 16, "TRIAL_ADAPTER_FHIR_URL": "https://fhir.example.org/r4"}
    hook = settings_from({**usual, "TRIAL_ADAPTER_SETTLE": "300"}).hook
    assert hook is not None
    assert hook.timing.settle == LONGEST_SETTLE
    with pytest.raises(UsageError, match="SETTLE=301 is too long; write 300 seconds at most"):
        settings_from({**usual, "TRIAL_ADAPTER_SETTLE": "301"})


def test_the_ehrs_that_may_launch_us() -> None:
    """Each with our id there, and with the name under which it signs, where that is another one than it says."""
    two = "https://a.example/fhir=us,https://b.example/fhir/=we"
    variables = {"TRIAL_ADAPTER_SMART_ISSUERS": two}
    signed = {"TRIAL_ADAPTER_SMART_TOKEN_ISSUERS": "https://b.example/fhir=https://login.b.example"}
    found = settings_from({**variables, **signed}).smart_issuers
    assert [(each.url, each.client_id, each.signer) for each in found] == [
        ("https://a.example/fhir", "us", None),
        ("https://b.example/fhir", "we", "https://login.b.example"),
    ]
    for wrong in (
        "https://c.example/fhir=https://login.c.example",
        "https://b.example/fhir",
        "https://b.example/fhir=",
    ):
        with pytest.raises(UsageError, match="SMART_TOKEN_ISSUERS"):
            settings_from({**variables, "TRIAL_ADAPTER_SMART_TOKEN_ISSUERS": wrong})


def test_a_persons_token_needs_a_server_and_persons(tmp_path: Path) -> None:
    """Passed through or exchanged, where there is somebody to ask and somebody who asks."""
    site = {"FHIR_URL": "https://fhir.example.org/r4", "JWKS_URL": "https://login.example.org/jwks"}
    key = tmp_path / "key.pem"
    private = ec.generate_private_key(ec.SECP384R1())
    plain = serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    key.chmod(0o600)
    backend = {"FHIR_CLIENT_ID": "us", "FHIR_KEY": str(key), "FHIR_TOKEN_URL": "https://login.example.org/token"}

    def found(**said: str) -> UserTokens | None:
        return settings_from({f"TRIAL_ADAPTER_{name}": text for name, text in said.items()}).user_tokens

    assert found(**site) is None
    assert found(**site, USER_TOKENS="pass-through") is UserTokens.PASS_THROUGH
    assert found(**site, **backend, USER_TOKENS="exchange") is UserTokens.EXCHANGE
    for wrong in (
        {**site, "USER_TOKENS": "exchange"},
        {**site, "USER_TOKENS": "yes"},
        {"JWKS_URL": site["JWKS_URL"], "USER_TOKENS": "pass-through"},
        {"FHIR_URL": site["FHIR_URL"], "USER_TOKENS": "pass-through"},
    ):
        with pytest.raises(UsageError, match="USER_TOKENS"):
            found(**wrong)
