"""Terminologies that a site has a licence for, imported from their own release files: RxNorm, SNOMED CT, OMOP.

    release files ── table ─▶ rxnorm | snomed | omop ─▶ drugs, findings ─▶ Release ── store ─▶ one JSON file of a site

An import says of every code of the release which value sets hold it, by the release's own relations. A value set is
then exhaustive for the codes that the release holds and tells apart; a code of a later release stays unclassified.
"""

from mappings.terminology.imports.store import (
    KINDS,
    FileOfRelease,
    Kind,
    Release,
    import_release,
    keep_release,
    load_releases,
)

__all__ = ["KINDS", "FileOfRelease", "Kind", "Release", "import_release", "keep_release", "load_releases"]
