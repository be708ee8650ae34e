"""The colours of the page against WCAG 2.2."""

import re

import pytest

from augmentor.core.shipped import shipped


def _channels(colour):
    digits = colour.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    return [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, two):
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes():
    css = (shipped("reports") / "report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.S)
    read = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block)) for block in blocks]
    light = read[0]
    dark = next(block for block in read[1:] if luminance(block.get("page", "#fff")) < 0.2)
    paper = next(block for block in read[1:] if block.get("ink") == "#000")
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **paper}}


def test_contrast_formula():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_colours_meet_wcag_aa(mode):
    colours = palettes()[mode]
    for text in ("ink", "muted", "link", "helps", "hurts", "equivalent", "inconclusive"):
        for ground in ("page", "surface"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for text, ground in (
        ("muted", "marked"),
        ("ink", "tint"),
        ("ink", "sunken"),
        ("ink", "margin"),
        ("link", "marked"),
    ):
        assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for mark in ("real", "synthetic", "hurts", "focus", "inconclusive"):
        assert contrast(colours[mark], colours["surface"]) >= 3, mark
    assert contrast(colours["synthetic"], colours["margin"]) >= 3
