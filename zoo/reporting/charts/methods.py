"""What the charts of ways of training share: a colour for each method, and where limits end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zoo.contrasts import Estimate
from zoo.reporting import figures
from zoo.reporting.charts import theme


def method_color(names: Sequence[str]) -> Any:
    """A colour for each method, the same in all panels."""
    import altair as alt

    colors = [theme.SERIES[i % len(theme.SERIES)] for i in range(len(names))]
    return alt.Color(
        "method:N",
        scale=alt.Scale(domain=list(names), range=colors),
        legend=alt.Legend(title=None, orient="bottom", columns=2, labelLimit=240, symbolOpacity=1),
    )


def ends(estimate: Estimate) -> tuple[float, float]:
    """Limits in points; the value itself where there are none."""
    value = 100 * (estimate.value or 0.0)
    if not (figures.known(estimate.low) and figures.known(estimate.high)):
        return value, value
    return 100 * estimate.low, 100 * estimate.high
