"""What an audit amounts to, in a privacy officer's words: verdicts, memorisation, what was tested and what was not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from medsynth_desktop.core.records import Verdict
from medsynth_desktop.guard.audit import AuditResult
from medsynth_desktop.guard.divergence import Divergence
from medsynth_desktop.guard.membership import Membership
from medsynth_desktop.guard.unlike import count_unlike

Level = Literal["alarm", "caution", "quiet", "unknown"]

DISGUISES = (
    "Copies in disguise were looked for: a real image that was mirrored left to right, shifted by up to 8 voxels, "
    "turned by up to 10 degrees, scaled by up to 5%, blurred, made noisy, changed in contrast or inverted, or cropped "
    "to three quarters; and copies of a part, from about a quarter of the image on. Stronger changes, smaller parts, "
    "bending and several changes at once may pass, and no such search finds every copy."
)
NO_DISGUISES = (
    "Copies in disguise and in part: mirrored, shifted, turned, scaled, blurred, inverted or noisy versions of a real "
    "image, or one region of it, may pass, because images were compared voxel by voxel only."
)
TOGETHER = (
    "What many released images together, or a released image together with other knowledge of a patient, give away: "
    "age, a rare disease, an implant."
)
ALWAYS = (
    "Patients outside the training split of this cohort: a model that also learnt from other images may repeat those.",
    TOGETHER,
    "Handing on the model itself: this audit speaks of the images, and of questions that somebody with the model can "
    "ask it, but nobody tried to draw a patient out of its weights.",
)
ALWAYS_GIVEN = (
    "Whether these images are synthetic: they were given by path, and nothing here tells a synthetic one from a scan.",
    "Patients outside this cohort: the images were compared with nobody else's. Among its unseen patients only copies "
    "that leave no doubt were looked for, plain or disguised; faint ones of theirs may pass.",
    TOGETHER,
)
"""What an audit of images given by path never tests; they have no model that could be spoken of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the audit says of memorising: how serious, and in sentences."""

    level: Level
    sentences: tuple[str, ...]


HEADS: dict[Level, str] = {
    "alarm": "This model repeats its patients.",
    "caution": "There are signs that this model is closer to its patients than it should be.",
    "quiet": "Nothing that was tested shows that this model repeats its patients.",
    "unknown": "There is too little to say whether this model repeats its patients.",
}
HEADS_GIVEN: dict[Level, str] = {
    "alarm": "More of these images are blocked than of unseen patients' images would be.",
    "caution": "There are signs that these images as a whole are closer to the cohort's patients than they should be.",
    "quiet": "As a whole these images lie no closer to the cohort's patients than unseen patients do, as far as was "
    "tested.",
    "unknown": "There is too little to say anything of these images as a whole.",
}
"""The same of images given by path: they have no model, and each is judged for itself whatever is said of all."""
GIVEN_AWAY = (
    "This model gives away whom it learnt from, though the images checked do not repeat its patients as far as was "
    "tested: do not hand the model on, and look twice at what it draws."
)
"""The head of an alarm that rests on attacks on the model alone."""


def conclude(verdicts: Sequence[Verdict], strays: int = 0) -> str:
    """Say in plain words what the verdicts amount to; ``strays`` of the blocked are like nobody (`LinkRisk`)."""
    names = [verdict.verdict for verdict in verdicts]
    total, blocked, review = len(names), names.count("block"), names.count("review")
    if not total:
        return "No image was checked, so nothing can be said."
    if blocked:
        near = (
            f"{blocked - strays} of {total} images are nearer to a real patient than unseen patients are, or copies of "
            "one"
        )
        far = (
            f"{strays} of {total} images are blocked by Lowe's ratio alone, though less like any real image than every "
            "unseen patient is: noise or failed images rather than copies"
        )
        told = "; ".join([*([near] if blocked > strays else []), *([far] if strays else [])])
        return f"{told}; they must not leave. {review} more need a person's eye."
    if review:
        return f"None of {total} images is blocked; {review} need a person's eye before they leave."
    return (
        f"All {total} images are no nearer to a real patient than unseen patients are, by the measures below."
    )


def memorisation(result: AuditResult) -> Finding:
    """Weigh the signs of memorising: links, nearness of the whole batch, and membership where it was tested.

    Alarm: clearly more images link to a patient than unseen patients' images do (`LinkRisk.more_than_innocent`), or an
    attack on the model is noticeable. Caution: the batch lies closer to the training images than unseen patients do, or
    an attack is slight. Unknown: no sign, and so few images or unseen patients that there could hardly be one, or
    nobody knows whom the model learnt from.
    """
    levels: list[Level] = []
    sentences: list[str] = []
    risk = result.link_risk
    if risk.more_than_innocent:
        levels.append("alarm")
        sentences.append(
            f"{risk.linked} of {risk.total} images may link to a patient, where of unseen patients about "
            f"{100 * risk.innocent:.0f} of 100 images would be blocked by chance."
        )
    if nearer(result):
        levels.append("caution")
        sentences.append(
            f"As a whole {'the batch lies' if result.drawn else 'they lie'} closer to the training images than unseen "
            "patients do, by more than chance explains."
        )
    if result.membership is not None and result.membership.level not in ("none", "unknown"):
        levels.append("caution" if result.membership.level == "slight" else "alarm")
        sentences.append(_attack_words(result.membership))
    heads = HEADS if result.drawn else HEADS_GIVEN
    if "alarm" in levels:
        head = heads["alarm"] if risk.more_than_innocent else GIVEN_AWAY
        return Finding("alarm", (head, *sentences, *filter(None, [result.caution])))
    if levels:
        return Finding("caution", (heads["caution"], *sentences, *filter(None, [result.caution])))
    few = result.js_hcc.distrust
    proof = "That is no proof that it does not." if result.drawn else ""
    told = [few or proof, "" if result.drawn else "Each is judged for itself.", result.caution]
    level: Level = "unknown" if few or result.caution else "quiet"
    return Finding(level, (heads[level], *filter(None, told)))


def nearer(result: AuditResult) -> bool:
    """Whether the batch's highest correlations, or its Lowe's ratios, lie on the risky side of the unseen patients'.

    The divergence must be trusted, its whole interval above what chance gives, and the medians must lie that way: a
    batch that is unlike any patient diverges too, and where most of it is, its ratios are those of faint likenesses.
    """
    sides: tuple[tuple[str, Divergence, int], ...] = (
        ("correlation", result.js_hcc, 1),
        ("lowe_ratio", result.js_lowe, -1),
    )
    for key, found, sign in sides[:1] if _mostly_unlike(result) else sides:
        batch = np.array([verdict.metrics.get(key, math.nan) for verdict in result.verdicts], float)
        unseen = np.array(result.calibration.values.get(key, ()), float)
        apart = found.trusted and found.interval[0] > found.expected
        if apart and sign * np.nanmedian(batch) > sign * np.nanmedian(unseen):
            return True
    return False


def _mostly_unlike(result: AuditResult) -> bool:
    unseen = np.array(result.calibration.values.get("correlation", ()), float)
    return 2 * count_unlike(result.undisguised, unseen) > len(result.verdicts)


def divergence_words(result: AuditResult) -> tuple[str, ...]:
    """The divergences with interval and expectation, what they mean, and why not to trust them."""
    told = []
    for name, found in (("highest correlations", result.js_hcc), ("Lowe's ratios", result.js_lowe)):
        if not math.isfinite(found.value):
            told.append(f"Of {name}: not defined.")
            continue
        low, high = found.interval
        told.append(
            f"Of {name}: {found.value:.4f} (95% interval {low:.4f} to {high:.4f}; two sets of these sizes from one "
            f"distribution reach {found.expected:.4f}). {found.distrust}".strip()
        )
    meaning = (
        "Here values towards 1 do not speak of memorising: most images are less like any real image than every unseen "
        "patient is."
        if _mostly_unlike(result)
        else f"{'A model that memorises moves' if result.drawn else 'Copies move'} both towards 1."
    )
    head = "Jensen-Shannon divergence (0: distributed as for unseen patients, 1: not at all)."
    return (head, *told, meaning)


def membership_words(membership: Membership | None, drawn: bool = True) -> tuple[str, ...]:
    """What the attacks on the model found, a sentence or two for each; that it was not tested where it was not.

    Empty for images that are not ``drawn`` by a model: there is none to attack.
    """
    if not drawn:
        return ()
    if membership is None:
        return (
            "Not tested. Whether the model itself gives away who was in its training was not asked (it takes minutes; "
            "medsynth audit --membership does it).",
        )
    known, asked = membership.available, membership.images
    told = [
        f"Asked about {asked[0]} of {known[0]} training images ({membership.patients[0]} patients) and {asked[1]} of "
        f"{known[1]} images of {membership.patients[1]} unseen patients"
        + (f", drawn at random (seed {membership.seed})." if asked != known else ".")
    ]
    for attack in membership.attacks:
        low, high = attack.interval
        told.append(
            f"{attack.label}. Of a training image and an unseen one it picks the right one in {100 * attack.auc:.0f} "
            f"of 100 cases (area under the curve {attack.auc:.3f}, 95% interval {low:.3f} to {high:.3f}; "
            "guessing: 0.5)."
        )
        for rate in attack.rates:
            if not math.isfinite(rate.hits):
                told.append(rate.distrust)
                continue
            ends = " to ".join(f"{100 * end:.0f}%" for end in rate.interval)
            told.append(
                f"While it wrongly accuses {100 * rate.false:g}% of unseen patients it recognises "
                f"{100 * rate.hits:.0f}% of the training images (95% interval {ends}). {rate.distrust}".strip()
            )
    return (*dict.fromkeys(told), *filter(None, [membership.distrust]))


def not_tested(result: AuditResult) -> tuple[str, ...]:
    """What the conclusion must not be read to cover."""
    looked = all(
        np.isfinite(np.array(result.calibration.values.get(key, (math.nan,)), float)).any()
        for key in ("aligned", "part")
    )
    if not result.drawn:
        return (DISGUISES if looked else NO_DISGUISES, *ALWAYS_GIVEN)
    asked = (
        ()
        if result.membership is not None
        else ("Whether somebody who has the model can tell who was in its training.",)
    )
    return (DISGUISES if looked else NO_DISGUISES, *asked, *ALWAYS)


def _attack_words(membership: Membership) -> str:
    worst = max(membership.attacks, key=lambda attack: (attack.level != "none", attack.auc))
    return (
        f"Somebody who has the model can tell a training image from an unseen patient's in {100 * worst.auc:.0f} of "
        "100 cases (guessing: 50)."
    )
