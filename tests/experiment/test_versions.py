import numpy as np
import pytest

from augmentor.experiment.arms import Arm, Rows
from augmentor.experiment.draw import Drawing, KnownRows, pick, rows_of
from augmentor.experiment.versions import LEAST, RowCounts, plan_versions

REAL_Y = np.repeat([0, 1], [60, 5])
MADE_Y = np.repeat([1], 40)
PASSED = np.arange(40) % 4 != 0
ROWS = RowCounts(REAL_Y, MADE_Y, PASSED, 2)
UPDATES, BATCH = 200, 64
DRAWN = UPDATES * BATCH


def planned(asked=None, *, rows=ROWS, row_bytes=1, budget=10**9, smote=False):
    return plan_versions(asked, rows, DRAWN, row_bytes=row_bytes, budget_bytes=budget, smote=smote)


def drawn_of_each_row(arm, share=0.0):
    """Return how often a fit draws each real row, and each synthetic one."""
    known = KnownRows(REAL_Y, MADE_Y, {"kept": PASSED, "passing": PASSED}, 2)
    rows, drawing = rows_of(arm, known, seed=0), Drawing(UPDATES, BATCH, 0, share)
    found = np.zeros(len(REAL_Y)), np.zeros(len(MADE_Y))
    for step in range(UPDATES):
        picked = pick(arm, rows, drawing, step)
        for made, count in enumerate(found):
            count += np.bincount(picked.row[picked.synthetic == made], minlength=len(count))
    return found


@pytest.mark.parametrize(
    ("arm", "share"),
    [
        (Arm(), 0.0),
        (Arm(sampling="natural"), 0.0),
        (Arm(rows="passing"), 0.9),
        (Arm(rows=Rows(synthetic="all", mixing="pooled")), 0.0),
    ],
)
def test_there_are_as_many_versions_as_the_arm_that_draws_a_row_most_often_draws_of_it(arm, share):
    real, made = drawn_of_each_row(arm, share)
    versions = planned()
    # The number of draws is random: four standard deviations of a count.
    assert (real <= versions.real + 4 * np.sqrt(versions.real)).all()
    assert (made <= versions.synthetic + 4 * np.sqrt(versions.synthetic)).all()


def test_the_versions_of_a_balanced_fit_are_its_expected_draws():
    real, _ = drawn_of_each_row(Arm())
    versions = planned().real
    for label, each in ((0, 60), (1, 5)):
        assert real[label == REAL_Y].mean() == pytest.approx(DRAWN / 2 / each, rel=0.02)
    # The natural fit draws common rows more often: 12,800 / 65 = 197 times.
    assert set(versions[REAL_Y == 0]) == {197}
    assert set(versions[REAL_Y == 1]) == {1280}


def test_a_row_that_is_hardly_drawn_has_a_few_versions_and_a_number_asked_for_holds_for_all():
    many = RowCounts(np.repeat([0, 1], 100_000), np.zeros(0, np.int64), np.zeros(0, np.bool_), 2)
    assert set(planned(rows=many).real) == {LEAST}
    asked = planned(24, smote=True)
    assert set(asked.real) | set(asked.synthetic) == {24}
    assert asked.smote.tolist() == [0, 24]
    assert asked.whole


def test_rows_of_smote_are_drawn_with_the_real_ones_of_their_class():
    # 55 rows between 5 real ones level the classes at 60: each is drawn 6,400 / 60 = 106.7 times.
    assert planned(smote=True).smote.tolist() == [0, 107]
    assert planned(smote=False).smote.tolist() == [0, 0]


def test_the_largest_numbers_are_cut_to_the_memory_and_said_to_be():
    whole = planned(row_bytes=10)
    total = whole.real.sum() + whole.synthetic.sum()
    assert whole.whole
    tight = planned(row_bytes=10, budget=10 * (int(total) - 1000))
    assert not tight.whole
    assert (tight.wanted, tight.afforded) == (1280, int(tight.real.max()))
    assert tight.real.sum() + tight.synthetic.sum() <= total - 1000
    # One version more of the rows that were cut would not fit.
    cut = (tight.real == tight.afforded).sum() + (tight.synthetic == tight.afforded).sum()
    assert tight.real.sum() + tight.synthetic.sum() + cut > total - 1000
    assert set(tight.real[REAL_Y == 0]) == {197}  # common rows keep theirs
    assert planned(row_bytes=10, budget=1).afforded == 2
    assert planned(1, row_bytes=10, budget=1).afforded == 1
