"""API tokens with names: made, kept as hashes, read from a file or the environment."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter import cli
from adapter.errors import UsageError
from adapter.service import settings_from
from adapter.service.access import Caller, table
from adapter.service.tokens import ApiToken, digest_of, holder, new_token, tokens_in, unnamed

HASH = digest_of("x" * 16).hex()


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Prints the line to keep on stdout, the token beside it; what it made is accepted, each time another."""
    assert cli.main(["token", "lab-engine", "--role", "hl7v2", "--role", "metrics"]) == 0
    first = capsys.readouterr()
    assert cli.main(["token", "lab-engine", "--role", "hl7v2", "--role", "metrics"]) == 0
    second = capsys.readouterr()
    file = tmp_path / "tokens"
    file.write_text(f"# who may call\n\n{first.out}{second.out}", encoding="utf-8")
    tokens = settings_from({"TRIAL_ADAPTER_TOKENS_FILE": str(file)}).tokens
    assert len({each.digest for each in tokens}) == 2
    for told in (first, second):
        (token,) = re.findall(r"^ta_[A-Za-z0-9_-]{43}$", told.err, re.MULTILINE)
        assert token not in told.out
        found = holder(token, tokens)
        assert found == Caller(name="lab-engine", roles=frozenset({"hl7v2", "metrics"}))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lab"], "--role"),
        (["lab", "--role", "everything"], "no role 'everything'; known are evaluate, match, notify"),
        (["a b", "--role", "admin"], "sha256:HEX"),
        (["webhook", "--role", "admin"], "no name"),
        (["unnamed:1", "--role", "admin"], "no name"),
        (["x" * 65, "--role", "admin"], "no name"),
    ],
)
def test_what_can_not_be_made(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and no token."""
    assert cli.main(["token", *arguments]) == 2
    told = capsys.readouterr()
    assert said in " ".join(told.err.split())
    assert "ta_" not in told.out + told.err


def test_from_the_environment() -> None:
    """Lines, or ; between them; plain tokens beside them."""
    said = {
        "TRIAL_ADAPTER_TOKENS": f"a evaluate sha256:{HASH}; b hl7v2,metrics sha256:{HASH} # of the engine",
        "TRIAL_ADAPTER_API_TOKENS": "a-plain-token-of-old",
    }
    tokens = settings_from(said).tokens
    assert [(each.name, sorted(each.roles)) for each in tokens] == [
        ("unnamed:1", ["evaluate", "hl7v2", "metrics", "publish"]),
        ("a", ["evaluate"]),
        ("b", ["hl7v2", "metrics"]),
    ]
    assert HASH not in repr(tokens)
    assert digest_of("x" * 16) not in [getattr(each, "token", None) for each in tokens]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a evaluate", "line 1: no token"),
        (f"\n# x\na evaluate {HASH}", "line 3: no token"),
        (f"a evaluate sha256:{HASH[:-1]}", "no token"),
        (f"a evaluate sha256:{HASH.upper()}", "no token"),
        (f"a evaluate md5:{HASH}", "no token"),
        (f"a evaluate sha256:{HASH} more", "no token"),
        (f"a evaluate,root sha256:{HASH}", "no role 'root'"),
        (f"a , sha256:{HASH}", "no role ''"),
        (f"local admin sha256:{HASH}", "no name"),
        (f"<script> admin sha256:{HASH}", "no name"),
    ],
)
def test_lines_that_are_wrong(text: str, said: str) -> None:
    """Are named by file and line, without the hash: nobody is let through by a misprint."""
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        tokens_in(text, "tokens")
    assert HASH[:-1] not in str(caught.value)


def test_files_that_are_wrong(tmp_path: Path) -> None:
    """One that isn't there, that holds no token, or that others can write to."""
    file = tmp_path / "tokens"
    environment = {"TRIAL_ADAPTER_TOKENS_FILE": str(file)}
    with pytest.raises(UsageError, match="can't be read"):
        settings_from(environment)
    file.write_text("# nobody yet\n")
    with pytest.raises(UsageError, match="holds no token"):
        settings_from(environment)
    file.write_text(f"a evaluate sha256:{HASH}\n")
    file.chmod(0o666)
    with pytest.raises(UsageError, match="chmod go-w"):
        settings_from(environment)
    file.chmod(0o644)
    assert len(settings_from(environment).tokens) == 1
    file.write_bytes(b"\xff\xfe" * 1000)
    with pytest.raises(UsageError, match="no token"):
        settings_from(environment)


@pytest.mark.parametrize("short", ["a", "x" * 15])
def test_tokens_that_could_be_guessed(short: str) -> None:
    """Are refused at the start, in words that don't repeat them; hashed ones are never accepted."""
    with pytest.raises(UsageError, match="less than 16 characters") as caught:
        settings_from({"TRIAL_ADAPTER_API_TOKENS": f"{'long-enough-as-it-is'} {short}"})
    assert "long-enough" not in str(caught.value)
    assert holder(short, (ApiToken("a", frozenset({"admin"}), digest_of(short)),)) is None


@given(st.text(), st.text(min_size=16))
def test_only_the_very_token(sent: str, known: str) -> None:
    """Opens anything."""
    tokens = unnamed([known], "")
    assert (holder(sent, tokens) is not None) == (sent.encode(errors="replace") == known.encode(errors="replace"))
    assert holder(known, tokens) == Caller(name="unnamed:1", roles=table().callers["unnamed"])


def test_one_token_twice() -> None:
    """As where the webhook's secret was given to a program, too: it may do both."""
    twice = (*unnamed(["x" * 16], ""), ApiToken("webhook", frozenset({"notify"}), digest_of("x" * 16)))
    assert holder("x" * 16, twice) == Caller(name="unnamed:1", roles=table().callers["unnamed"] | {"notify"})


def test_the_last_of_many() -> None:
    """All are compared, and roles are those of the token's own line, also where a name stands twice."""
    made = [new_token("a", [role]) for role in table().roles]
    tokens = tokens_in("\n".join(line for _, line in made), "tokens")
    for (token, _), role in zip(made, table().roles, strict=True):
        found = holder(token, tokens)
        assert found is not None
        assert found.roles == {role}
