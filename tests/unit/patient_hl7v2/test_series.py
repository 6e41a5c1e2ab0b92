"""A series of messages: corrections, merges, who leads, what is set aside; framing and character sets."""

from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mappings.patient import Converted
from mappings.patient.hl7v2 import Frame, Settings, UnreadableError, convert_message, frames, parse
from mappings.patient.hl7v2.message import Writings
from mappings.terminology import load_terminology
from tests.unit.patient_hl7v2.messages import PID, converted, message, rejected, resources, result, units

SODIUM = "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L|||||F"
NUMBERS: list[dict[str, str]] = yaml.safe_load(Path(__file__).with_name("numbers.yaml").read_text(encoding="utf-8"))


def test_a_correction_replaces_what_has_the_same_order_number() -> None:
    """One result is left, the corrected one."""
    (left,) = resources(
        result(SODIUM), result(SODIUM.replace("140", "141")[:-1] + "C", sent="20260228130000+0100")
    ).values()
    assert (left["status"], str(left["valueQuantity"]["value"])) == ("corrected", "141")


def test_an_older_message_that_comes_late_changes_nothing() -> None:
    """MSH-7 says which is the newer one."""
    newer = result(SODIUM.replace("140", "141")[:-1] + "C", sent="20260228130000+0100")
    (left,) = resources(newer, result(SODIUM)).values()
    assert left["status"] == "corrected"


def test_times_of_sending_are_compared_as_times() -> None:
    """13:00 in Berlin is before 12:30 in London."""
    london = result(SODIUM.replace("140", "141")[:-1] + "C", sent="20260228123000+0000")
    (left,) = resources(london, result(SODIUM, sent="20260228130000+0100")).values()
    assert left["status"] == "corrected"


@pytest.mark.parametrize(
    "other",
    [
        SODIUM.replace("OBX|1", "OBX|2"),
        SODIUM.replace("||140", "|b|140"),
        SODIUM.replace("2951-2", "2947-0"),
    ],
)
def test_results_of_one_order_are_told_apart(other: str) -> None:
    """By code, sub-id, and which one of its code it is."""
    assert len(resources(result(f"{SODIUM}\r{other}"))) == 2


def test_results_without_an_order_number() -> None:
    """Sent twice it is one; another value of the same time stands beside it, since nothing says which is right."""
    obr = "OBR|1|||CBC^CBC^L|||20260228"
    first, other = result(SODIUM, obr=obr), result(SODIUM.replace("140", "150"), obr=obr, sent="20260228130000+0100")
    assert len(resources(first, first)) == 1
    assert len(resources(first, other)) == 2


def test_the_same_message_twice_gives_the_same() -> None:
    """Ids depend on nothing but what the message says."""
    assert converted(result(SODIUM)) == converted(result(SODIUM))
    assert len(resources(result(SODIUM), result(SODIUM))) == 1


def test_a_merge_links_both_numbers_and_stays() -> None:
    """A later result under the old number does not undo it."""
    merge = message(PID, "MRG|77^^^HOSP^MR", kind="ADT^A40")
    late = message(PID.replace("123", "77"), "OBR|1||F9|X^X^L", SODIUM, sent="20260301120000+0100")
    merged, after = converted(merge, late)
    stays, gone = merged.patients
    assert stays.elements["link"] == [{"other": gone.key.reference, "type": "replaces"}]
    assert gone.elements == {"active": False, "link": [{"other": stays.key.reference, "type": "replaced-by"}]}
    assert (gone.leads, stays.leads) == (True, False)
    assert (after.patients[0].key, after.patients[0].elements, after.patients[0].leads) == (gone.key, {}, False)


def test_two_merges_into_one() -> None:
    """The one who stays replaces both."""
    _, second = converted(*(message(PID, f"MRG|{number}^^^HOSP^MR", kind="ADT^A40") for number in (77, 78)))
    assert len(second.patients[0].elements["link"]) == 2


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case["says"])
def test_a_merge_gives_up_the_patients_numbers_and_no_others(case: dict[str, str]) -> None:
    """Each line of numbers.yaml."""
    site = Settings(patient_authority=case.get("authority"), patient_type=case.get("type"))
    (found,) = converted(message(PID, f"MRG|{case['mrg']}", kind="ADT^A40"), settings=site)
    assert " ".join(part.key.value for part in found.patients[1:]) == str(case["gone"])
    assert found.patients[0].key.value == "123"


def test_a_laboratory_does_not_change_what_the_hospital_says_of_a_patient() -> None:
    """Demographics are the ADT feed's; its deletions too."""
    admitted = message(PID, kind="ADT^A01")
    laboratory = message(PID.replace("Doe^Jane", "Do^J"), "OBR|1||F1", SODIUM)
    renamed = message(PID.replace("19800101", '""'), kind="ADT^A08", sent="20260302120000+0100")
    first, second, third = converted(admitted, laboratory, renamed)
    assert (first.patients[0].leads, first.patients[0].elements["name"]) == (
        True,
        [{"family": "Doe", "given": ["Jane"]}],
    )
    assert (second.patients[0].leads, second.patients[0].elements) == (False, {})
    assert third.patients[0].elements["birthDate"] is None


def test_another_birth_date_under_the_same_number_is_another_person() -> None:
    """The message is set aside; the hospital's own feed may correct the date."""
    stranger = message(PID.replace("19800101", "19900101"), "OBR|1||F1", SODIUM)
    (found,) = rejected(message(PID, kind="ADT^A01"), stranger)
    assert (found.field, found.whole, found.value.startswith("MSH|")) == ("PID-7", True, True)
    corrected = message(PID.replace("19800101", "19900101"), kind="ADT^A08")
    assert rejected(message(PID, kind="ADT^A01"), corrected, stranger) == []


def test_two_patients_in_one_message() -> None:
    """What follows a PID is that patient's."""
    one, other = converted(message(PID, "OBR|1||F1", SODIUM, PID.replace("123", "124"), "OBR|1||F1", SODIUM))
    assert one.patients[0].key != other.patients[0].key
    assert one.resources[0]["id"] != other.resources[0]["id"]


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (message(PID, kind="ORM^O01"), "MSH-9"),
        (message(PID, kind="ADT^A61"), "MSH-9"),
        (message(PID, f12="2.2"), "MSH-12"),
        (message(PID, f11="T"), "MSH-11"),
        (message(PID, sent=""), "MSH-7"),
        (message(PID, f18="KLINGON"), "MSH-18"),
        (message(PID, f18="ASCII").replace("Jane", "Jäne"), "MSH-18"),
        (message("OBR|1", SODIUM), "OBR"),
        (message("EVN|A01"), "PID"),
        (message("PID|1||^^^HOSP^MR||Doe"), "PID[1]-3"),
        (message(PID, kind="ADT^A40"), "MRG"),
        (message(PID, "MRG|123^^^HOSP^MR", kind="ADT^A40"), "MRG[1]-1"),
        (message(PID).replace("^~\\&", "^^\\&"), "MSH-2"),
        (message(PID).replace("MSH|^~\\&|", "MSH||"), "MSH-2"),
    ],
)
def test_a_message_that_cant_be_read_is_set_aside_and_the_rest_goes_on(broken: str, field: str) -> None:
    """Whole, with the field at fault and a reason that holds nothing of it."""
    before, found, after = units(result(SODIUM), broken, result(SODIUM, id_="M3"))
    assert isinstance(before, Converted)
    assert isinstance(after, Converted)
    assert not isinstance(found, Converted)
    assert (found.field, found.whole) == (field, True)
    assert "Doe" in found.value or "PID" not in broken
    assert "Doe" not in found.reason + found.place


def test_a_site_may_take_test_messages_and_other_numbers() -> None:
    """`processing` and `patientsBy` of the mapping file."""
    settings = Settings(processing=frozenset({"P", "T"}), patient_type="PI", authorities={"NAT": "urn:oid:1.2.3"})
    pid = "PID|1||123^^^HOSP^MR~9^^^NAT^PI||Doe^Jane"
    (found,) = converted(message(pid, "OBR|1||F1", SODIUM, f11="T"), settings=settings)
    assert (found.patients[0].key.system, found.patients[0].key.value) == ("urn:oid:1.2.3", "9")
    (lost,) = rejected(message(PID, "OBR|1||F1", SODIUM), settings=settings)
    assert lost.field == "PID[1]-3"


FRAMINGS: dict[str, Callable[[list[str]], str]] = {
    "CR": "".join,
    "LF": lambda texts: "".join(texts).replace("\r", "\n"),
    "CRLF": lambda texts: "".join(texts).replace("\r", "\r\n"),
    "blank lines": lambda texts: "\n\n".join(texts).replace("\r", "\r\n\r\n"),
    "MLLP": lambda texts: "".join(f"\x0b{text}\x1c\r" for text in texts),
    "MLLP without the last CR": lambda texts: "".join(f"\x0b{text.rstrip()}\x1c" for text in texts),
    "batch": lambda texts: f"FHS|^~\\&|A\rBHS|^~\\&|A\r{''.join(texts)}BTS|{len(texts)}\rFTS|1\r",
    "byte order mark": lambda texts: "\ufeff" + "".join(texts),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_framings(framing: str, size: int) -> None:
    """However messages are held together, and wherever the stream is cut, they are the same."""
    texts = [result(SODIUM, id_=f"M{number}") for number in range(3)]
    data = FRAMINGS[framing](texts).encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    found = [frame for frame in frames(chunks) if not frame.stray]
    assert [frame.data.decode().replace("\r\r", "\r") for frame in found] == [text.rstrip("\r") for text in texts]


def test_utf_16_files() -> None:
    """With a byte order mark, and without."""
    text = result(SODIUM).replace("Jane", "Żaneta")
    for data in (text.encode("utf-16"), text.encode("utf-16-le")):
        (found,) = converted(data)
        assert found.patients[0].elements["name"][0]["given"] == ["Żaneta"]


def test_a_batch_that_is_not_complete_is_reported() -> None:
    """The messages that are there are converted."""
    text = f"BHS|^~\\&|A\r{result(SODIUM)}BTS|2\r"
    (found,) = rejected(text)
    assert (found.field, found.whole) == ("BTS-1", False)
    assert len(converted(text)) == 1


def test_what_stands_outside_of_messages_is_reported() -> None:
    """Nothing gets lost."""
    (found,) = rejected("garbage\r", result(SODIUM))
    assert (found.value, found.whole) == ("garbage", True)


def test_a_line_break_inside_a_text() -> None:
    """A line that begins no segment belongs to the one before it."""
    (found,) = resources(result("OBX|1|TX|X^X^L||CD7 is\nnot detected||||||F")).values()
    assert found["valueString"] == "CD7 is\nnot detected"


@pytest.mark.parametrize(
    ("named", "codec", "name"),
    [
        ("8859/1", "latin-1", "Müller"),
        ("8859/15", "iso8859-15", "Müller€"),
        ("UNICODE UTF-8", "utf-8", "Żółć"),
        ("unicode", "utf-8", "李娜"),
        ("GB 18030-2000", "gb18030", "李娜"),
        ("BIG-5", "big5", "許功蓋"),
        ("~ISO IR87", "iso2022_jp", "山田"),
        ("KS X 1001", "euc_kr", "김"),
        ("", "utf-8", "Müller"),
    ],
)
def test_character_sets(named: str, codec: str, name: str) -> None:
    """MSH-18 says it; a message that says none is read as UTF-8. Bytes that look like delimiters are none."""
    (found,) = converted(result(SODIUM, f18=named).replace("Jane", name).encode(codec))
    assert found.patients[0].elements["name"][0]["given"] == [name]


def test_a_site_may_say_the_character_set() -> None:
    """For senders that leave MSH-18 empty."""
    data = result(SODIUM).replace("Jane", "Jürgen").encode("latin-1")
    assert [each.field for each in rejected(data)] == ["MSH-18"]
    (found,) = converted(data, settings=Settings(charset="iso8859-1"))
    assert found.patients[0].elements["name"][0]["given"] == ["Jürgen"]


def _mutated(draw: st.DrawFn) -> bytes:
    """A message in which bytes were changed, dropped, doubled."""
    data = bytearray(
        draw(
            st.sampled_from(
                [result(SODIUM), message(PID, "MRG|7", "DG1|1|I10|I10|x|1|A", "AL1|1||x|SV", kind="ADT^A40")]
            )
        ).encode()
    )
    for _ in range(draw(st.integers(0, 12))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 2))] = draw(
            st.binary(max_size=3)
            | st.sampled_from([b"|", b"^", b"~", b"&", b"\\", b"\r", b"\n", b'""', b"\x0b", b"\x1c"])
        )
    return bytes(data)


@given(st.composite(_mutated)())
def test_any_message_is_converted_or_set_aside(data: bytes) -> None:
    """Nothing that is sent makes the converter fail, and something is said of it."""
    assert units(data) or not data.strip(b"\r\n \t\x00\x1a\x0b\x1c")


@settings(max_examples=60)
@given(st.lists(st.composite(_mutated)(), min_size=2, max_size=5))
def test_what_earlier_messages_came_to_changes_nothing(sent: list[bytes]) -> None:
    """A message reads the same alone as behind others whose texts are remembered."""
    terminology, shared = load_terminology(), Writings()

    def read(frame: Frame, writings: Writings | None) -> object:
        try:
            return convert_message(parse(frame, "utf-8", writings), "feed", "here", Settings(), terminology)
        except (UnreadableError, KeyError) as error:  # a kind that is not converted
            return repr(error)

    for frame in frames([b"\r".join([*sent, *sent])]):
        assert read(frame, shared) == read(frame, None)


@given(st.lists(st.sampled_from([b"MSH|", b"a", b"\r", b"\n", b"\x0b", b"\x1c"]), min_size=4), st.integers(1, 9))
def test_where_a_stream_is_cut_says_nothing(pieces: list[bytes], size: int) -> None:
    """However the bytes arrive, the messages are the same."""
    sent = b"".join([b"MSH|", *pieces])
    parts = [sent[place : place + size] for place in range(0, len(sent), size)]
    assert [(f.data, f.stray) for f in frames(parts)] == [(f.data, f.stray) for f in frames([sent])]


def test_a_report_of_megabytes_is_read_once() -> None:
    """The work grows with the length of a message, and not with its square; that took hours."""
    text = b"normal " * 600_000
    sent = b"MSH|^~\\&|L|H|E|H|20260220||ORU^R01|M1|P|2.5\rOBX|1|TX|X^X^L||" + text
    began = process_time()
    (frame,) = frames([sent])
    assert parse(frame).segments[1].text(5) == text.decode().strip()
    assert process_time() - began < 10


@example([b"\xfe\xff"])
@example([b"\x00M", b"\x01"])
@given(st.lists(st.binary(max_size=60)))
def test_any_bytes_are_framed(chunks: list[bytes]) -> None:
    """Every byte that is no blank or line end is in a frame; a stream in UTF-16 has other bytes afterwards.

    Even of half a character at its end something is left.
    """
    blank = b"\r\n\x0b\x1c \t\x00\x1a"
    sent = b"".join(chunks)
    found: list[Frame] = list(frames(chunks))
    if sent.startswith((b"\x00M", b"M\x00", b"\xff\xfe", b"\xfe\xff")):
        assert len(sent) % 2 == 0 or "\ufffd".encode() in b"".join(frame.data for frame in found)
    else:
        kept = b"".join(frame.data for frame in found).translate(None, blank)
        assert kept == sent.removeprefix(b"\xef\xbb\xbf").translate(None, blank)


def test_one_number_of_two_authorities_is_told_once() -> None:
    """A name, and the same name with its OID, make two patients of one, whose record is cut in two."""
    named = "PID|1||7^^^KIS^MR||Doe^Jane||19800101|F"
    with_oid = "PID|1||7^^^KIS&1.2.3&ISO^PI||Doe^Jane||19800101|F"
    feed = [message(pid, "NK1|1", kind="ADT^A08", id_=str(n)) for n, pid in enumerate([named, with_oid, with_oid])]
    assert [(each.field, "`authorities`" in each.reason) for each in rejected(*feed)] == [("PID-3", True)]
    other = with_oid.replace("19800101", "19811231")
    assert rejected(*[message(pid, kind="ADT^A08") for pid in (named, other)]) == []
    same = Settings(authorities={"KIS": "http://hospital.example.org/patients"})
    assert rejected(*feed, settings=same) == []
