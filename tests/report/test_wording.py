"""A report on volumes or series speaks of them; the user's own words are never changed."""

import json
import re
import string
from dataclasses import asdict, dataclass

import pytest

from augmentor.core.kinds import IMAGE, SERIES, VOLUME, Kind
from augmentor.report import curves, origin, vocabulary
from augmentor.report.render import render
from augmentor.report.vocabulary import Vocabulary
from augmentor.report.wording import Noun, kind_in

IMAGES = re.compile(r"\b(images?|pixels?)\b", re.IGNORECASE)
OBSERVATION = Kind("observation", "observations", "value")


def visible(html):
    """The text of a page without styles, settings and titles that tell pictures apart."""
    html = re.sub(r"(?s)<style>.*?</style>|<pre.*?</pre>", "", html)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def pages(maker, folder, kind, **extra):
    load = {"kind": asdict(kind), "skipped": [], **extra}
    maker.write_run(folder, maker.Case(extra={"load": load}))
    index = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
    told = {**index, "kind": asdict(kind), "note": "Each is shown as a whole.", "lines": kind == SERIES}
    (folder / "gallery.json").write_text(json.dumps(told), encoding="utf-8")
    render(folder)
    return tuple((folder / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))


@pytest.mark.parametrize("kind", [VOLUME, SERIES, OBSERVATION])
def test_a_report_speaks_of_its_kind_everywhere(maker, tmp_path, kind):
    html, markdown = pages(maker, tmp_path, kind)
    page = visible(html)
    found = [page[max(0, hit.start() - 40) : hit.end() + 20] for hit in IMAGES.finditer(page)]
    assert found == []
    assert f"Real, kept and rejected {kind.plural}" in page
    assert f"closer to a training {kind.name} than real" in page
    assert f"calls {'an' if kind == OBSERVATION else 'a'} {kind.name} a near copy" in page
    assert "not chosen for their looks. Each is shown as a whole." in page
    assert ('class="pairs lines"' in html) == (kind == SERIES)
    prose = re.sub(r"(?s)```.*?```", "", markdown)
    assert [prose[max(0, hit.start() - 40) : hit.end() + 20] for hit in IMAGES.finditer(prose)] == []


def test_a_report_on_images_is_the_same_with_and_without_its_kind(maker, tmp_path):
    summary = maker.write_run(tmp_path, maker.Case())
    assert summary.pop("kind") == asdict(IMAGE)
    made = set()
    for kind in ({"kind": asdict(IMAGE)}, {"kind": "image"}, {}):
        (tmp_path / "summary.json").write_text(json.dumps({**summary, **kind}), encoding="utf-8")
        render(tmp_path)
        made.add(tuple((tmp_path / name).read_bytes() for name in ("report.html", "report.md")))
    assert len(made) == 1


def test_the_users_words_stay_braces_and_all(maker, tmp_path):
    """A note, a class and a title that speak of images, or hold braces, are no templates."""
    words = {"title": "Scans {image} 1", "notes": ["12 images of {pixel} {"], "dataset": "images {0}"}
    html, markdown = pages(maker, tmp_path, VOLUME, **words)
    for page in (visible(html), markdown.replace("\\", "")):
        assert "Scans {image} 1" in page
        assert "12 images of {pixel} {" in page
        assert "images {0}" in page


def test_every_text_of_the_vocabulary_can_be_filled():
    noun = Noun.of(VOLUME)
    words = Vocabulary(noun)
    assert words.reason_label("copy") == "too close to a training volume"
    assert words.reason_label("other") == "other"
    assert words.words["helps"].headline == "The synthetic volumes help"
    assert words.sample_metrics["exact_copies"].meaning == "voxel-identical to a training volume"
    texts = [
        *vocabulary.METHOD,
        *vocabulary.LIMITS,
        *vocabulary.REASONS.values(),
        *(text for _, _, text, *_ in curves.QUALITIES),
        origin.FOREIGN_METHOD,
        origin.FOREIGN_LIMIT,
    ]
    for table in (vocabulary.METRICS, vocabulary.SAMPLE_METRICS, vocabulary.WORDS):
        texts += [text for value in table.values() for text in asdict(value).values()]
    for text in texts:
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        assert fields <= set(asdict(noun)), text
        assert not IMAGES.search(noun.fill(text)), text


def test_nouns_fit_the_kind():
    @dataclass(frozen=True)
    class Label:
        title: str
        text: str

    found = Noun.of(SERIES).filled(Label("{images}", "{an_image} has {pixels}"))
    assert found == Label("series", "a series has values")
    assert Noun.of(IMAGE).fill("{an_image} of {pixel}s") == "an image of pixels"


def test_a_summary_says_its_kind_or_is_about_images():
    assert kind_in({"kind": asdict(VOLUME)}) == VOLUME
    assert kind_in({"kind": "series"}) == SERIES
    assert kind_in({}) == IMAGE
