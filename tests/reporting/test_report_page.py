"""The trade-off plane and the page as text: they stand alone, and no name is ever code."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import html as lxml_html
from rich.cells import cell_len

from reporting.examples import INSTRUCT, ROOT, SFT, family, with_faults
from reporting.strategies import HOSTILE, tradeoffs
from zoo.contrasts import Estimate, Tradeoff
from zoo.errors import ConfigError
from zoo.hookspecs import Section
from zoo.reporting import bundle, render
from zoo.reporting.bundle import csp_hash
from zoo.reporting.charts import FIGURES
from zoo.reporting.sections import rendered

slow = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def report() -> Tradeoff:
    return family()


@pytest.fixture(scope="module")
def figure(report: Tradeoff) -> ElementTree.Element:
    return ElementTree.fromstring(render(report, "svg"))


@pytest.fixture(scope="module")
def page(report: Tradeoff) -> str:
    return render(with_faults(report), "html")


def renamed(value, names):
    """The same with other names, all the way down."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, tuple):
        return tuple(renamed(each, names) for each in value)
    if hasattr(value, "__dataclass_fields__"):
        fields = value.__dataclass_fields__
        return replace(value, **{name: renamed(getattr(value, name), names) for name in fields})
    return value


def panels(figure: ElementTree.Element) -> list[ElementTree.Element]:
    return [
        group for group in figure.iter(f"{SVG}g") if "concat" in group.get("class", "")
        and "group" in group.get("class", "").split()[-1]
    ]  # fmt: skip


def layer(panel: ElementTree.Element, number: int) -> list[ElementTree.Element]:
    """The marks of one layer: 0 and 1 bars, 2 arrows, 3 heads, 4 dots, 5 names."""
    name = f"layer_{number}_marks"
    group = next(each for each in panel.iter(f"{SVG}g") if each.get("class", "").endswith(name))
    return list(group)


def place(mark: ElementTree.Element) -> tuple[float, float]:
    found = re.search(r"translate\(([-\d.e]+),([-\d.e]+)\)", mark.get("transform", ""))
    return float(found[1]), float(found[2])


def words(figure: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in figure.iter(f"{SVG}text")]


def test_the_plane_is_860_pixels_wide_and_names_its_targets(figure):
    assert float(figure.get("width")) == pytest.approx(860, abs=12)
    assert any("Targets (S): instruction, math, law" in text for text in words(figure))


def apart(panel: ElementTree.Element, report: Tradeoff) -> list[tuple[tuple, tuple]]:
    """Where parent and child stand, for each edge that leaves room for an arrow."""
    order = [stage.model for stage in report.stages]
    dots = [place(dot) for dot in layer(panel, 4)]
    edges = [(dots[order.index(each.base_model)], dots[order.index(each.model)])
             for each in report.stages if each.base_model]  # fmt: skip
    return [edge for edge in edges if math.dist(*edge) >= 20]


def test_each_protocol_has_a_panel_with_every_stage_interval_and_edge(figure, report):
    found = panels(figure)
    assert len(found) == 2
    for panel in found:
        assert len(layer(panel, 0)) == len(layer(panel, 1)) == len(report.stages)
        assert len(layer(panel, 2)) == len(layer(panel, 3)) == len(apart(panel, report)) >= 3
        assert len(layer(panel, 4)) == len(report.stages)
        assert [text.text for text in layer(panel, 5)] == [
            "1B", "1B-SFT", "1B-DPO", "1B-Instruct", "1B-Law",
        ]  # fmt: skip


def test_both_panels_share_their_axes(figure):
    labels = [
        [text.text for group in panel.iter(f"{SVG}g") if "role-axis-label" in group.get("class", "")
         for text in group]
        for panel in panels(figure)
    ]  # fmt: skip
    assert labels[0] == labels[1] != []


def test_dots_stand_where_s_and_g_say(figure, report):
    for panel, protocol in zip(panels(figure), ("uniform", "native"), strict=True):
        dots = [place(dot) for dot in layer(panel, 4)]
        values = [
            (stage.special[protocol].value, stage.general[protocol].value)
            for stage in report.stages
        ]
        for axis, sign in ((0, 1), (1, -1)):
            (a, x), (b, y) = sorted((v[axis], d[axis]) for v, d in zip(values, dots, strict=True))[
                :: len(dots) - 1
            ]
            scale = (y - x) / (b - a)
            assert scale * sign > 0
            for value, dot in zip(values, dots, strict=True):
                assert dot[axis] == pytest.approx(x + (value[axis] - a) * scale, abs=0.5)


def test_arrows_point_from_parent_to_child(figure, report):
    for panel in panels(figure):
        for head, (parent, child) in zip(layer(panel, 3), apart(panel, report), strict=True):
            assert math.dist(place(head), child) < 12
            assert math.dist(place(head), parent) + 10 < math.dist(parent, child)
            turned = float(re.search(r"rotate\(([-\d.e]+)\)", head.get("transform"))[1])
            heading = math.degrees(math.atan2(child[0] - parent[0], parent[1] - child[1]))
            assert (turned - heading + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_no_two_names_overlap_and_none_leaves_its_panel(seed):
    figure = ElementTree.fromstring(render(family(seed), "svg"))
    for panel in panels(figure):
        boxes = []
        for text in layer(panel, 5):
            x, y = place(text)
            boxes.append((x, y, x + 5.5 * cell_len(text.text), y + 11))
        for one, two in itertools.combinations(boxes, 2):
            assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        assert all(box[0] >= 0 and box[2] <= 380 for box in boxes)


def test_a_stage_without_a_place_on_the_plane_is_named_below_the_title(report):
    lost = replace(report.stages[-1], special={})
    figure = ElementTree.fromstring(
        render(replace(report, stages=(*report.stages[:-1], lost)), "svg")
    )
    assert any("not measured on both axes everywhere: 1B-Law" in text for text in words(figure))


def test_one_protocol_alone_has_the_whole_width(report):
    stages = tuple(
        replace(stage, general={"native": stage.general["native"]}) for stage in report.stages
    )
    figure = ElementTree.fromstring(render(replace(report, stages=stages), "svg"))
    assert len(panels(figure)) == 1
    assert float(figure.get("width")) == pytest.approx(860, abs=12)


def test_a_score_without_limits_is_drawn_without_bars(report):
    bare = replace(
        report.stages[0], special={"uniform": Estimate(0.5)}, general={"uniform": Estimate(0.5)}
    )
    figure = ElementTree.fromstring(render(Tradeoff("f", "s", ("t",), (bare,)), "svg"))
    assert len(layer(panels(figure)[0], 4)) == 1


def test_the_page_asks_for_nothing_and_holds_no_handler_and_no_inline_style(page):
    document = lxml_html.document_fromstring(page)
    policy = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "connect-src 'none'" in policy
    assert not document.xpath("//link | //img | //iframe | //object | //base | //@src")
    assert all(link.startswith("#") for link in document.xpath("//@href"))
    assert not document.xpath("//*[@style]")
    assert not [name for each in document.iter() for name in each.attrib if name.startswith("on")]


def test_the_policy_allows_exactly_the_scripts_and_styles_of_the_page(page):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    allowed = set(re.findall(r"sha256-[\w+/=]+", policy.replace("&#43;", "+")))
    inline = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page, re.DOTALL)
    assert allowed == {csp_hash(each) for each in inline}


def test_every_link_of_the_page_leads_to_a_place_in_it(page):
    document = lxml_html.document_fromstring(page)
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in document.xpath("//@href")} <= set(ids)


def test_every_chart_has_a_text_and_a_table_with_its_numbers(page):
    document = lxml_html.document_fromstring(page)
    specs = json.loads(document.get_element_by_id("figures").text)["specs"]
    charts = document.xpath("//*[@data-panel]")
    assert sorted(each.get("data-panel") for each in charts) == sorted(
        f"{name}:{i}" for name, sizes in specs.items() for i in range(len(sizes["wide"]))
    )
    assert all(each.get("role") == "img" and each.get("aria-label") for each in charts)
    for name in specs:
        assert document.xpath(f"//*[@id='{name}']//details//tbody/tr"), name


def test_the_page_holds_tables_footnotes_and_the_json(page, report):
    document = lxml_html.document_fromstring(page)
    headings = [each.text for each in document.xpath("//section/h2")]
    wanted = [
        "Stages",
        "What each stage gained and paid",
        "Capabilities",
        "Benchmarks, uniform",
        "Benchmarks, native",
    ]
    assert [each for each in headings if each in wanted] == wanted
    notes = document.xpath("//footer//ol/li/@id")
    assert {link[1:] for link in document.xpath("//sup/a/@href")} == set(notes)
    text = document.get_element_by_id("tradeoff").text
    assert json.loads(text) == with_faults(report).to_dict()


def test_every_row_of_a_table_has_as_many_cells_as_its_heading(page):
    for table in lxml_html.document_fromstring(page).iter("table"):
        spans = [sum(int(cell.get("colspan", 1)) for cell in row) for row in table.iter("tr")]
        assert len(set(spans)) == 1, spans


def test_a_section_of_a_plugin_is_set_as_it_is_under_an_escaped_title(report):
    text = render(report, "html", sections=[("A <b> title", "<p id='mine'>trusted</p>")])
    document = lxml_html.document_fromstring(text)
    assert document.xpath("//p[@id='mine']/text()") == ["trusted"]
    assert document.xpath("//section/h2")[-1].text == "A <b> title"


def test_a_section_that_fails_costs_only_itself(report):
    def fail(_):
        raise RuntimeError("<i>no</i>")

    sections = [
        Section("bad", "Bad", fail),
        Section("odd", "Odd", lambda _: 3),
        Section("none", "None", lambda _: ""),
        Section("good", "Good", lambda tradeoff: f"<p>{len(tradeoff.stages)}</p>"),
    ]
    bad, odd, good = rendered(sections, report)
    assert "RuntimeError: &lt;i&gt;no" in bad[1]
    assert "gives int instead of HTML" in odd[1]
    assert good == ("Good", f"<p>{len(report.stages)}</p>")


@pytest.mark.parametrize("start", range(0, len(HOSTILE), 5))
def test_no_hostile_name_becomes_markup(page, report, start):
    ids = [stage.model for stage in report.stages]
    five = HOSTILE[start : start + 5]
    names = {
        **dict(zip(ids, five, strict=False)),
        "RL-tuned": five[0],
        "no chat template": five[-1],
    }
    hostile = renamed(with_faults(report), names)
    document = lxml_html.document_fromstring(render(hostile, "html"))

    def tags(each):
        return {tag.tag for tag in each.iter()}

    assert tags(document) == tags(lxml_html.document_fromstring(page))
    assert len(list(document.iter("script"))) == len(
        list(lxml_html.document_fromstring(page).iter("script"))
    )
    assert not [key for tag in document.iter() for key in tag.attrib if key.startswith("on")]
    assert json.loads(document.get_element_by_id("tradeoff").text) == hostile.to_dict()


@slow
@given(tradeoffs())
def test_any_tradeoff_has_a_page_and_figures_that_are_well_formed_or_say_there_is_nothing(report):
    for name in FIGURES:
        with contextlib.suppress(ConfigError):  # this trade-off has nothing for it
            ElementTree.fromstring(render(report, "svg", figure=name))
    text = render(report, "html")
    text.encode()
    document = lxml_html.document_fromstring(text)
    found = json.loads(document.get_element_by_id("tradeoff").text)
    assert found == json.loads(render(report, "json"))


def test_an_edge_whose_ends_coincide_has_no_arrow(report):
    stages = tuple(
        replace(stage, general=report.stages[0].general, special=report.stages[0].special)
        if stage.model in (ROOT, SFT, INSTRUCT)
        else stage
        for stage in report.stages
    )
    figure = ElementTree.fromstring(render(replace(report, stages=stages), "svg"))
    assert len(layer(panels(figure)[0], 2)) == 3


def test_the_charts_script_is_kept_and_one_that_was_damaged_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "user_cache_path", lambda name: tmp_path / name)
    made = bundle.vega.__wrapped__()
    (kept,) = tmp_path.rglob("vega-*.js")
    assert bundle.vega.__wrapped__() == made
    kept.write_bytes(kept.read_bytes()[:-100])
    assert bundle.vega.__wrapped__() == made
    assert kept.read_text("utf-8").endswith(made[-50:])
