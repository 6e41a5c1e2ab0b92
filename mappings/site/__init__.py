"""A site's folder: its trials, concepts, value sets, maps, words and policy, beside what is shipped.

    DIR/trials/*.yaml   concepts.yaml   value-sets/*.json   concept-maps/*.json   policy.yaml
        systems.yaml   units.yaml   findings.yaml   statuses.yaml

Every file may be missing. What a site says goes before what is shipped under the same id; tables of words, units and
code systems add up. A trial may hold concepts of its own, which then every trial of the site may name.
"""

from mappings.site.load import Site, load_site, read_site
from mappings.site.terminology import unresolved

__all__ = ["Site", "load_site", "read_site", "unresolved"]
