import html.parser
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from made_up_rows import REASONS

from augmentor.core.errors import DataError
from augmentor.core.kinds import IMAGE
from augmentor.core.shipped import shipped
from augmentor.report import formats
from augmentor.report.gallery import BUDGET, read_gallery
from augmentor.report.render import gaps, render
from augmentor.report.vocabulary import Vocabulary
from augmentor.report.wording import Noun

VOID = {"meta", "link", "img", "br"}
HOSTILE = "<script>alert(1)</script>\"'&`|*_[x](javascript:1)\n</style>"


class Page(html.parser.HTMLParser):
    """Collects what a page is made of, and refuses tags that do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.open, self.text = [], [], [], []
        self.headings, self.attributes = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        found = dict(attributes)
        self.attributes.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


WORDS = Vocabulary(Noun.of(IMAGE))


def page_of(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


CASES = {
    "usual": {},
    "colour": {"channels": 3, "size": 32},
    "two classes": {"classes": ("normal", "pneumonia")},
    "forty classes": {
        "classes": tuple(f"a rather long class name, number {i}" for i in range(40)),
        "seeds": 2,
    },
    "one seed": {"seeds": 1},
    "hurts": {"word": "hurts", "effect": -0.04},
    "inconclusive": {"word": "inconclusive", "effect": 0.004},
    "equivalent": {"word": "equivalent", "effect": 0.001},
    "no training": {"without": ("training",)},
    "no copies": {"without": ("copies",)},
    "no gallery": {"without": ("gallery",)},
    "bare": {
        "without": (
            "training",
            "copies",
            "quality",
            "confusion",
            "calibration",
            "shares",
            "acceptance",
            "gallery",
        )
    },
    "made elsewhere": {
        "extra": {
            "sample": {
                "plan": {},
                "candidates": {},
                "source": {"name": "made.npz", "kind": "npz", "rows": 40, "sha256": "0" * 64},
            }
        },
        "without": ("training",),
    },
    "skipped arm": {"arms": ("real", "classical", "filtered")},
    "no synthetic arm": {"arms": ("real", "classical")},
    "class without test cases": {"empty_test": ("basophil",)},
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_run_renders_whole(name, maker, tmp_path):
    case = maker.Case(**CASES[name])
    maker.write_run(tmp_path, case)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = page_of(tmp_path)
    assert len(set(page.ids)) == len(page.ids)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    words = " ".join(page.text)
    assert not re.search(r"\b(nan|NaN|inf|Undefined)\b", words)
    assert "script" not in page.tags
    assert len(text) < 6_000_000
    labels = ("aria-labelledby", "aria-describedby")
    referred = {r for _, a in page.attributes for key in labels for r in a.get(key, "").split()}
    assert referred <= set(page.ids)
    for tag, attributes in page.attributes:
        if tag == "img":
            assert attributes["alt"]
            assert attributes["src"].startswith("data:image/png;base64,")
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:"))
        assert not any(key.startswith("on") for key in attributes)
    for class_ in case.classes:
        assert class_ in words
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert case.word in markdown or name == "no synthetic arm"
    for block in re.findall(r"(?:^\|.*\n)+", markdown, flags=re.M):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_missing_parts_are_named(maker, tmp_path):
    maker.write_run(tmp_path, maker.Case(**CASES["bare"], empty_test=("basophil",)))
    words = " ".join(page_of(tmp_path).text)
    for sentence in (
        "the run kept no training history",
        "the run looked for no copies",
        "This run kept no pictures",
        "the results hold no confusion counts",
        "the results hold no calibration of a judged arm",
        "not estimable: no test cases of this class",
    ):
        assert sentence in words


def test_same_files_give_the_same_bytes(maker, tmp_path):
    maker.write_run(tmp_path, maker.Case())
    first = [(tmp_path / name).read_bytes() for name in ("report.html", "report.md")]
    render(tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("report.html", "report.md")] == first


def test_committed_example_is_what_its_files_render_to(tmp_path):
    example = shipped("reports") / "example"
    for name in ("summary.json", "gallery.npz", "gallery.json"):
        (tmp_path / name).write_bytes((example / name).read_bytes())
    render(tmp_path)
    for name in ("report.html", "report.md"):
        assert (tmp_path / name).read_bytes() == (example / name).read_bytes(), (
            f"render reports/example again: {name}"
        )


def test_the_page_prints_the_numbers_of_the_summary(maker, tmp_path):
    summary = maker.write_run(tmp_path, maker.Case())
    words = " ".join(page_of(tmp_path).text)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    verdict = summary["verdict"]
    for text in (words, markdown):
        assert f"{verdict['before']:.3f}" in text
        assert f"+{100 * verdict['delta']:.1f}" in text
        assert f"+{100 * verdict['ci'][0]:.1f} to +{100 * verdict['ci'][1]:.1f}" in text
        for arm in summary["arms"].values():
            assert f"{arm['mean']:.3f}" in text


def test_what_an_arm_tried_and_how_it_decides_are_told(maker, tmp_path):
    maker.write_run(tmp_path, maker.Case())
    page = " ".join((tmp_path / "report.html").read_text(encoding="utf-8").split())
    table = page.partition("What each arm tried, and how it chooses a class")[2].partition("</table>")[0]
    assert '<td class="n">3</td><td class="n">\N{MINUS SIGN}0.15</td><td>fitted</td>' in table
    assert '<td class="n">1</td><td class="n">0.00</td><td>no rule' in table
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| Filtered synthetic | 3 | \N{MINUS SIGN}0.15 (fitted) |" in text
    assert "| Classical augmentation | 1 | none |" in text


def test_hostile_names_are_text_everywhere(maker, tmp_path):
    case = maker.Case(
        classes=(HOSTILE, "b" + HOSTILE, "plain"),
        title=HOSTILE,
        dataset=HOSTILE,
        extra={
            "load": {
                "notes": [HOSTILE],
                "skipped": [{"path": HOSTILE, "reason": HOSTILE}],
                "split": HOSTILE,
                "card": {"licence": HOSTILE},
            },
            "sample": {
                "plan": {},
                "candidates": {},
                "source": {"name": HOSTILE, "kind": HOSTILE, "rows": 7, "sha256": HOSTILE},
            },
            "filter": {"filters": {}, "unusable": {HOSTILE: HOSTILE}},
            "measure": {
                "quality_protocol": HOSTILE,
                "not_estimable": [{"split": HOSTILE, "metric": HOSTILE, "class": HOSTILE, "reason": HOSTILE}],
            },
            "evaluate": {
                "limits": [HOSTILE],
                "verdict": {"word": "helps", "arm": "filtered", "baseline": "classical", "sentence": HOSTILE},
                "share_by": HOSTILE,
                "arms": {"filtered": {"title": HOSTILE, "description": HOSTILE, "synthetic": True}},
            },
            "versions": {HOSTILE: HOSTILE},
            "seconds": {HOSTILE: 1.0},
            "device": HOSTILE,
            "digests": {HOSTILE: HOSTILE},
        },
    )
    maker.write_run(tmp_path, case)
    index = json.loads((tmp_path / "gallery.json").read_text(encoding="utf-8"))
    for entry in index["classes"]:
        for item in entry["rejected"]:
            item["reason"] = HOSTILE
    (tmp_path / "gallery.json").write_text(json.dumps(index), encoding="utf-8")
    render(tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = page_of(tmp_path)
    assert "script" not in page.tags
    assert "<script" not in text
    assert text.count("</style>") == 1
    assert text.count("&lt;script&gt;") > 40
    assert HOSTILE in "".join(page.text)
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    outside = re.sub(r"^```+yaml\n.*?^```+$", "", markdown, flags=re.M | re.S)
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)\]\(javascript", outside)


def test_markdown_escapes_keep_a_table_whole():
    assert formats.markdown("a|b\n# <b>*x*") == r"a\|b \# &lt;b&gt;\*x\*"
    assert formats.fence("one ``` two ```` three") == "`" * 5


def test_numbers_as_read():
    assert formats.points(0.0314) == "+3.1"
    assert formats.points(-0.0314) == "\u22123.1"
    assert formats.points(0.00004) == "+0.004"
    assert formats.points(0.0) == "0.0"
    assert formats.points(0.05, sign=False) == "5.0"
    assert formats.change([-1.5, 0.2]) == "≤ \u2212100 to +20.0"
    assert formats.change([-0.5, 1.2]) == "\u221250.0 to ≥ +100"
    assert formats.number(None) == formats.points(None) == formats.interval(None) == "not estimable"
    assert formats.number(-0.0001) == "0.000"
    assert formats.count(12345) == "12\u202f345"
    assert formats.count(2.5) == "2.5"
    assert [formats.seconds(s) for s in (0.4, 120, 7200)] == ["0.4 s", "2.0 min", "2.0 h"]


def test_gallery_stays_in_its_budget_and_shows_every_reason(maker, tmp_path):
    case = maker.Case(classes=tuple(f"c{i}" for i in range(12)), size=96, channels=3)
    images, index = maker.pictures_of(case)
    noise = np.random.default_rng(1).integers(0, 256, images.shape, dtype=np.uint8)
    np.savez(tmp_path / "gallery.npz", images=noise)
    (tmp_path / "gallery.json").write_text(json.dumps(index), encoding="utf-8")
    gallery = read_gallery(tmp_path, WORDS)
    tiles = [t for _, groups in gallery.classes for g in groups for t in g.tiles]
    tiles += [t for c in gallery.copies for t in (c.synthetic, c.real)]
    assert 0.3 * BUDGET < sum(len(t.src) for t in tiles) <= BUDGET
    maker.write_run(tmp_path / "small", maker.Case())
    whole = read_gallery(tmp_path / "small", WORDS)
    assert len({t.label for t in whole.classes[0][1][2].tiles}) == len(REASONS)


def test_gallery_names_what_is_wrong(maker, tmp_path):
    maker.write_run(tmp_path, maker.Case(seeds=1))
    index = json.loads((tmp_path / "gallery.json").read_text(encoding="utf-8"))
    index["classes"][0]["real"][0] = 10_000
    (tmp_path / "gallery.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(DataError, match="10000"):
        render(tmp_path)
    (tmp_path / "gallery.json").unlink()
    with pytest.raises(DataError, match=r"gallery\.json"):
        render(tmp_path)
    (tmp_path / "summary.json").write_text('{"verdict": NaN}', encoding="utf-8")
    with pytest.raises(DataError, match="NaN"):
        render(tmp_path)
    (tmp_path / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="not the summary"):
        render(tmp_path)


def test_gaps_of_one_class_and_reason_stand_together():
    missing = [
        {"split": "real", "metric": m, "class": c, "reason": why}
        for c, m, why in (
            (None, "recall", "few"),
            ("a", "recall", "few"),
            ("a", "coverage", "not estimable, because few"),
            ("a", "kid_task", "none"),
        )
    ]
    assert gaps(missing) == [
        {"class": "all classes", "split": "real", "lines": [("recall", "few")]},
        {"class": "a", "split": "real", "lines": [("recall, coverage", "few"), ("kernel distance", "none")]},
    ]


def test_report_room_needs_neither_torch_nor_data():
    code = "import sys, augmentor.report.render, augmentor.report.summarise; print(sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for name in ("torch", "augmentor.data", "augmentor.nets", "prefect"):
        assert f"'{name}'" not in found
