"""A report on volumes or series speaks of them; what the user named stays; images change nothing."""

import json
import re
from dataclasses import dataclass

import pytest

from augmentor.report import vocabulary
from augmentor.report.render import render
from augmentor.report.wording import KINDS, kind_in, reworded, say, spoken, vocabulary_of

IMAGES = re.compile(r"\b(images?|pixels?)\b", re.IGNORECASE)


def visible(html):
    """The text of a page without styles, settings and titles that tell pictures apart."""
    html = re.sub(r"(?s)<style>.*?</style>|<pre.*?</pre>", "", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


@pytest.mark.parametrize("kind", ["volume", "series"])
def test_a_report_speaks_of_its_kind_everywhere(maker, tmp_path, kind):
    maker.write_run(tmp_path, maker.Case(extra={"kind": kind, "skipped": []}))
    index = json.loads((tmp_path / "gallery.json").read_text(encoding="utf-8"))
    (tmp_path / "gallery.json").write_text(json.dumps({**index, "kind": kind}), encoding="utf-8")
    render(tmp_path)
    page = visible((tmp_path / "report.html").read_text(encoding="utf-8"))
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    found = [page[max(0, hit.start() - 40) : hit.end() + 20] for hit in IMAGES.finditer(page)]
    assert found == []
    assert f"Real, kept and rejected {KINDS[kind].plural}" in page
    assert f"closer to a training {kind} than real" in page
    prose = re.sub(r"(?s)```.*?```", "", markdown)
    assert [prose[max(0, hit.start() - 40) : hit.end() + 20] for hit in IMAGES.finditer(prose)] == []


def test_a_report_on_images_is_the_same_with_and_without_its_kind(maker, tmp_path):
    for place, extra in (("told", {"kind": "image"}), ("not", {})):
        maker.write_run(tmp_path / place, maker.Case(extra=extra))
    for name in ("report.html", "report.md"):
        assert (tmp_path / "told" / name).read_bytes() == (tmp_path / "not" / name).read_bytes()


def test_what_the_user_named_stays(maker, tmp_path):
    kind = KINDS["volume"]
    summary = {
        "kind": "volume",
        "title": "image set",
        "classes": ["image", "other"],
        "recipe": {"description": "images"},
        "notes": ["12 images", "image"],
        "counts": {"images": {"real": 3}},
    }
    assert kind_in(summary) is kind
    told = spoken(summary, kind)
    assert told == {**summary, "notes": ["12 volumes", "image"]}
    assert kind_in({}) is KINDS["image"]


def test_words_are_found_in_every_container():
    @dataclass(frozen=True)
    class Label:
        text: str
        width: int

    found = reworded({"a": [Label("an image", 3), ("pixels", None, 2.5)]}, KINDS["series"])
    assert found == {"a": [Label("a series", 3), ("values", None, 2.5)]}
    words = vocabulary_of(vocabulary, KINDS["series"])
    assert words.reason_label("copy") == "too close to a training series"
    assert words.WORDS["helps"].headline == "The synthetic series help"
    assert vocabulary_of(vocabulary, KINDS["image"]) is vocabulary


SAID = {
    "3 images": ("3 volumes", "3 series"),
    "an image is near": ("a volume is near", "a series is near"),
    "An image.": ("A volume.", "A series."),
    "each picture has 5 pixels": ("each volume has 5 voxels", "each series has 5 values"),
    "Images, pixel-identical to a training image.": (
        "Volumes, voxel-identical to a training volume.",
        "Series, value-identical to a training series.",
    ),
    "the class 'image' and --set image.size=32": ("the class 'image' and --set image.size=32",) * 2,
    "data:image/png;base64 imagery images/a.png": ("data:image/png;base64 imagery images/a.png",) * 2,
}


@pytest.mark.parametrize("text", SAID)
def test_nouns_fit_the_kind(text):
    assert (say(text, KINDS["volume"]), say(text, KINDS["series"])) == SAID[text]
    assert say(text, KINDS["image"]) == text
