from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsynth_desktop.core.records import Disguise, Nearest, Neighbour, Threshold
from medsynth_desktop.similarity import METRICS
from medsynth_desktop.workbench import captions as say


def test_captions_carry_the_numbers_and_only_pseudonyms() -> None:
    nearest = Nearest("S-1", (Neighbour("P-0042-1", "P-0042", 0.2101, 0.87312),), 0.9712)
    assert say.nearest_caption(nearest) == "Nearest real P-0042-1 · r 0.873 · RMSE 0.210"
    assert say.synthetic_caption("S-1", "block") == "Synthetic S-1 · BLOCK ■"
    assert "Not checked" in say.synthetic_caption("S-1", None)
    assert "not searched" in say.nearest_caption(Nearest("S-1", (), float("nan")))


def test_a_near_copy_is_never_rounded_to_a_perfect_one() -> None:
    nearest = Nearest("S-1", (Neighbour("P-0001-1", "P-0001", 1e-4, 0.99996),), 0.5)
    assert "r 0.99996" in say.nearest_caption(nearest)
    assert "r 1.000" in say.nearest_caption(Nearest("S-1", (Neighbour("P-0001-1", "P", 0.0, 1.0),), 0.5))


def limits(**block: float) -> dict[str, Threshold]:
    """Review 0.1 before block, on the harmless side."""
    return {
        k: Threshold(k, v - 0.1 if METRICS[k].direction == "high" else v + 0.1, v) for k, v in block.items()
    }


def test_every_registered_metric_has_a_caption_with_the_shape_of_its_limit() -> None:
    values = {m.key: 0.5 for m in METRICS}
    said = say.metric_captions(values, limits(correlation=0.45, lowe_ratio=0.45), tuple(METRICS))
    assert [words.split()[0] for words in said] == [m.title for m in METRICS]
    assert {"Corr. 0.500 ■", "Lowe 0.500 ▲", "RMSE 0.500"} <= set(said)
    assert say.synthetic_caption("S-1", "block", said).startswith("Synthetic S-1 · BLOCK ■ · ")


def test_what_a_search_left_out_has_no_caption_and_what_is_not_defined_says_so() -> None:
    said = say.metric_captions({"correlation": float("nan")}, limits(correlation=0.9), tuple(METRICS))
    assert "Corr. not defined ▲" in said
    assert not [words for words in said if words.startswith(("Align.", "Part"))]


def test_a_metric_in_one_line_and_in_a_sentence() -> None:
    aligned, limit = METRICS["aligned"], limits(aligned=0.881)["aligned"]
    assert say.metric_line(aligned, 0.9721, limit) == "■ Align. 0.972 / 0.881"
    assert say.metric_line(aligned, 0.88104, limit) == "■ Align. 0.88104 / 0.88100"
    assert say.metric_line(aligned, 0.5, None) == "● Align. 0.500 / –"
    assert say.metric_line(aligned, None, limit) == "Align. – / 0.881"
    tip = say.metric_tip(aligned, 0.9721, limit)
    assert tip.startswith("Aligned likeness 0.972. Review above 0.781, block above 0.881. Likeness to")
    assert "below" in say.metric_tip(METRICS["rmse"], 0.1, limits(rmse=0.2)["rmse"])
    assert "because" in say.metric_tip(METRICS["lowe_ratio"], float("nan"), None)


def test_a_real_image_whose_disguise_is_undone_says_so() -> None:
    said = say.undone_caption("P-0042-1", ("mirrored", "turned by 7°"), 0.312, 0.9714, whole=True)
    assert said == "Real P-0042-1, disguise undone · it was mirrored · turned by 7° · r 0.971 · before 0.312"
    part = say.undone_caption("P-0042-1", (), 0.97, 0.97, whole=False)
    assert "it kept its place · r 0.970 in the outline" in part
    plain, aligned = say.difference_caption(), say.difference_caption(aligned=True, matched=True)
    assert plain.startswith("Difference · scale ±1")
    assert aligned.startswith("Difference after alignment")
    assert aligned.endswith("grey values matched")


def test_a_new_metric_brings_its_own_title() -> None:
    for metric in METRICS:
        assert 0 < len(metric.title) <= 12, (
            f"{metric.key}: a column has little room; give the metric a `short`"
        )
    assert replace(METRICS["aligned"], short="").title == "Aligned"
    assert replace(METRICS["aligned"], short="Al.").title == "Al."


DISGUISE = Disguise("P-7-1", "P-7", ((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0), False, 0.9, 0.9, (0, 0), (3, 3))


def two_images() -> Nearest:
    """Most alike P-0050-1; P-0060-1 has the smaller RMSE."""
    found = (Neighbour("P-0050-1", "P-0050", 0.124, 0.91), Neighbour("P-0060-1", "P-0060", 0.113, 0.9))
    return Nearest("S-1", found, 0.99, {"correlation": 0.91, "rmse": 0.113})


def test_every_number_says_which_image_it_is_with() -> None:
    nearest, metrics = two_images(), tuple(METRICS)
    assert say.nearest_caption(nearest).startswith("Nearest real P-0050-1 · r 0.910 · RMSE 0.124")
    said = say.other_image_words(nearest, metrics)
    assert said.startswith("RMSE 0.113 is with P-0060-1; the picture shows P-0050-1")
    assert said.endswith("(RMSE 0.124).")
    assert len(said.splitlines()) == 1
    own = replace(nearest, disguises=(DISGUISE,), metrics={**nearest.metrics, "aligned": 0.9, "part": 0.9})
    assert say.other_image_words(own, metrics) == said  # their reasons name the image
    unlisted = replace(nearest, neighbours=nearest.neighbours[:1])
    assert "is with another image" in say.other_image_words(unlisted, metrics)
    same = replace(unlisted, metrics={"correlation": 0.91, "rmse": 0.124})
    assert say.other_image_words(same, metrics) == ""
    assert say.other_image_words(None, metrics) == ""
    assert say.other_image_words(Nearest("S-1", (), float("nan")), metrics) == ""


def test_captions_break_at_their_dots_only() -> None:
    caption = "Nearest real P-0042-1 · r 0.873 · RMSE 0.210 · Lowe 0.971"
    assert say.wrapped(caption, 100) == caption
    assert say.wrapped(caption, 25) == "Nearest real P-0042-1\nr 0.873 · RMSE 0.210\nLowe 0.971"


def test_the_difference_is_signed_synthetic_minus_real() -> None:
    found = say.difference(np.full((2, 2), 0.5), np.full((2, 2), -0.25))
    assert found.dtype == np.float32
    assert found.tolist() == [[0.75, 0.75], [0.75, 0.75]]
    with pytest.raises(ValueError, match="one shape"):
        say.difference(np.zeros((2, 2)), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("size", "shape"), [((1400, 700), (1, 3)), ((700, 650), (2, 2)), ((1200, 300), (1, 3))]
)
def test_three_pictures_stand_in_a_row_unless_two_rows_make_them_much_larger(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert say.grid_shape(*size, 3) == shape
    assert say.grid_shape(*size, 1) == (1, 1)


def test_tall_pictures_with_captions_stand_in_a_row_on_the_screens_we_promise() -> None:
    head, caption = 0.75, 98
    assert say.grid_shape(872, 662, 3, head, caption) == (1, 3)  # what 1366x768 leaves
    assert say.grid_shape(922, 976, 3, head, caption) == (1, 3)  # 1920x1080 beside the layer docks
    assert say.grid_shape(600, 900, 3, 2.0, 0) == (2, 2)  # wide pictures in a tall canvas
