"""The rest of a work-up: performance, heart, antigens and blasts, viruses, pregnancy.

Hospitals write each differently; which form a result takes is drawn.
"""

from demo.chart import Chart
from demo.draws import Spread
from demo.entries.results import result


def performance(
    chart: Chart,
    *,
    ecog: Spread | None = None,
    karnofsky: Spread | None = None,
    days_ago: Spread = 7,
) -> None:
    """Add ECOG (as a number, a quantity or an answer) and Karnofsky; under 16 years Lansky stands for it."""
    ago = chart.days(days_ago)
    if ecog is not None:
        grade = chart.draws.whole(ecog)
        form = chart.draws.one_of(("whole", "quantity", "answer"))
        if form == "whole":
            result(chart, of="ecog", whole=grade, days_ago=ago, category="exam")
        elif form == "quantity":
            result(chart, of="ecog", value=grade, unit="{score}", days_ago=ago, category="exam")
        else:
            result(chart, of="ecog", answer=f"ecog-{grade}", days_ago=ago, category="exam")
    if karnofsky is not None:
        # both scales go in tens
        tens = [step / 10 for step in karnofsky] if isinstance(karnofsky, list) else karnofsky / 10
        score = chart.draws.whole(tens) * 10
        scale = "karnofsky" if chart.adult else "lansky"
        if chart.draws.chance(0.5):
            result(chart, of=scale, whole=score, days_ago=ago, category="exam")
        else:
            result(chart, of=scale, value=score, unit="{score}", days_ago=ago, category="exam")


def heart(
    chart: Chart,
    *,
    lvef: Spread | None = None,
    lvsf: Spread | None = None,
    spo2: Spread | None = None,
    nyha: int | None = None,
    days_ago: Spread = 9,
) -> None:
    """Add echocardiography (percent), pulse oximetry (percent or a fraction) and the NYHA class."""
    ago = chart.days(days_ago)
    if lvef is not None:
        result(chart, of="lvef", value=lvef, unit="%", days_ago=ago, category="imaging")
    if lvsf is not None:
        result(chart, of="lvsf", value=lvsf, unit="%", days_ago=ago, category="imaging")
    if spo2 is not None:
        percent = chart.draws.whole(spo2)
        if chart.draws.chance(0.8):
            result(chart, of="spo2", value=percent, unit="%", days_ago=ago, category="vital-signs")
        else:
            result(chart, of="spo2", value=percent / 100, decimals=2, unit="1", days_ago=ago, category="vital-signs")
    if nyha is not None:
        answer = chart.draws.one_of(("nyha", "nyha-answer"))
        result(chart, of="nyha", answer=f"{answer}-{nyha}", days_ago=ago, category="exam")


def antigens(  # one keyword an analyte
    chart: Chart,
    *,
    cd7: Spread | None = None,
    tissue: str | None = None,
    marrow: Spread | None = None,
    blood: Spread | None = None,
    cd4: Spread | None = None,
    cd8: Spread | None = None,
    days_ago: Spread = 12,
) -> None:
    """Add flow cytometry and immunohistochemistry of the tumour cells, and the blasts in marrow and blood (percent)."""
    ago = chart.days(days_ago)
    flow = {"cd7-blasts": cd7, "cd4-blasts": cd4, "cd8-blasts": cd8, "blasts-marrow": marrow, "blasts-blood": blood}
    for name, spread in flow.items():
        if spread is not None:
            result(chart, of=name, value=spread, unit="%", days_ago=ago)
    if tissue is not None:
        result(chart, of="cd7-tissue", finding=tissue, days_ago=ago)


def virology(chart: Chart, *, days_ago: Spread = 14, omit: list[str] | None = None) -> None:
    """Add negative tests for HBV, HCV, HIV and syphilis, worded as laboratories word them."""
    ago = chart.days(days_ago)
    for name in ("hbsag", "hcv-antibody", "hiv-test", "syphilis-reagin", "syphilis-treponemal"):
        if name in (omit or ()):
            continue
        form = chart.draws.whole([0, 3])
        if form == 0:
            result(chart, of=name, string=chart.draws.one_of(("Negative", "non-reactive", "neg")), days_ago=ago)
        elif form == 1:
            result(chart, of=name, string="see report", interpretation="NEG", days_ago=ago)
        else:
            result(chart, of=name, finding=("negative", "non-reactive")[form - 2], days_ago=ago)
    if "hbv-dna" not in (omit or ()):
        result(chart, of="hbv-dna", value=10, comparator="<", unit="[IU]/mL", days_ago=ago)
    if "hcv-rna" not in (omit or ()):
        result(chart, of="hcv-rna", finding="not-detected", days_ago=ago)


def reproduction(chart: Chart, *, days_ago: Spread = 4) -> None:
    """Add a negative pregnancy test and "not breast-feeding" for women old enough to be asked; nothing for others."""
    if chart.sex == "male":
        return
    ago = chart.days(days_ago)
    if chart.draws.chance(0.5):
        result(chart, of="pregnancy-test", finding="negative", days_ago=ago)
    else:
        result(chart, of="pregnancy-status", answer="not-pregnant", days_ago=ago, category="social-history")
    result(chart, of="breastfeeding-status", answer="no", days_ago=ago, category="social-history")
