import re

import pytest

from components.estimates import Estimate
from components.tables import Row, RowKind, Table, format_estimate, markdown
from models.measures import Measure

LOSS = Measure("loss", "loss")
SHARE = Measure("share", "right", digits=1, is_share=True)


def test_cells_hold_the_interval_if_there_is_one():
    assert format_estimate(LOSS, Estimate(value=0.2314, half_width=0.0123)) == "0.231 ±0.012"
    assert format_estimate(SHARE, Estimate(value=0.5)) == "50.0 %"


def test_markdown_has_a_column_per_measure_and_a_dash_for_what_is_missing():
    rows = [
        Row("ours", {"loss": Estimate(value=0.25, half_width=0.01)}, 20),
        Row("theirs", {"share": Estimate(value=0.4)}, kind=RowKind.PUBLISHED),
    ]
    table = Table("caption", [LOSS, SHARE], rows, head="system")
    assert table.counts_examples
    assert markdown(table).splitlines() == [
        "| system | loss | right |",
        "| --- | ---: | ---: |",
        "| ours | 0.250 ±0.010 | - |",
        "| theirs | - | 40.0 % |",
    ]


@pytest.mark.parametrize("label", ["a|b", "a\nb", "<b>", " x\r\n|| "])
def test_markdown_keeps_a_label_in_its_cell(label):
    table = Table("caption", [LOSS], [Row(label, {"loss": Estimate(value=0.25)})], head="system")
    *_, line = markdown(table).splitlines()
    assert len(markdown(table).splitlines()) == 3
    assert len(re.split(r"(?<!\\)\|", line)) == 4
    assert "<" not in line


def test_published_figures_count_no_examples():
    assert not Table("caption", [LOSS], [Row("theirs", {})]).counts_examples
