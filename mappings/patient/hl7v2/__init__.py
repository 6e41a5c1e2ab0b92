"""HL7 v2.3 to v2.8 messages -> FHIR, after HL7's v2-to-FHIR guide (docs/hl7v2.md).

From bytes to resources: `framing` cuts a file or stream into messages, `message` splits one into segments, `convert`
puts together what belongs together, `patient` and `clinical` map segments, `datatypes` and `value` their fields. HL7's
tables, names of coding systems and character sets are the YAML files beside them. `convert` also holds a series of
messages together; `acknowledge` writes the answer to one.
"""

from mappings.patient.hl7v2.convert import Read, Series, check, convert_message
from mappings.patient.hl7v2.framing import Frame, frames
from mappings.patient.hl7v2.message import Message, UnreadableError, parse
from mappings.patient.hl7v2.tables import Settings, load_settings

__all__ = [
    "Frame",
    "Message",
    "Read",
    "Series",
    "Settings",
    "UnreadableError",
    "check",
    "convert_message",
    "frames",
    "load_settings",
    "parse",
]
