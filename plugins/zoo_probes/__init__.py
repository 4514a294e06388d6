"""The probes that come with the host, each a file of its own, brought as any plugin brings them.

Length, calibration and training cost nothing: their rows are made of the suite's own cells and of
what the stages' manifests say, in every report.
"""

from __future__ import annotations

from zoo import hookimpl
from zoo.hookspecs import Probe


@hookimpl
def zoo_probes() -> list[Probe]:
    """Length, calibration, training, pass@k, diversity, abstention, the razor and cost."""
    from zoo_probes import abstention, cost, diversity, passk, razor

    return [
        Probe("length", "Length of answers, and what is right within a budget of tokens"),
        Probe("calibration", "Whether options are as often right as they are sure"),
        Probe("training", "What each stage was trained on, how, and for how long"),
        Probe("passk", "Solved in k tries", wants=passk.wants, rows=passk.rows),
        Probe("diversity", "Different answers in k tries", wants=passk.wants, rows=diversity.rows),
        Probe(
            "abstention",
            "Answers that say they do not know, and those made up",
            wants=abstention.wants,
            rows=abstention.rows,
        ),
        Probe(
            "razor",
            "Distance from the parent: KL on what the child was trained for",
            wants=razor.wants,
            rows=razor.rows,
        ),
        Probe("cost", "Tokens, time, memory and energy of being asked", rows=cost.rows),
    ]
