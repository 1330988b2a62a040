"""From MONAI's schedulers to our schedule. Only what training fixed is read: how to step is the sampler's business."""

from __future__ import annotations

from medsynth_desktop.bundles.foreign.config import Config
from medsynth_desktop.bundles.foreign.targets import SCHEDULER, find
from medsynth_desktop.bundles.schedule import COSINE_OFFSET, Kind, Prediction, Schedule
from medsynth_desktop.core.errors import BundleRefused

KNOWN = {
    "num_train_timesteps", "schedule", "beta_schedule", "beta_start", "beta_end", "prediction_type", "s",
}  # fmt: skip
STEPPING = {
    "clip_sample", "clip_sample_min", "clip_sample_max", "set_alpha_to_one", "steps_offset", "skip_prk_steps",
    "variance_type",
}  # fmt: skip
"""How MONAI's own sampling steps; a network does not depend on it."""
SCHEDULES: dict[str, Kind] = {
    "linear_beta": "linear",
    "linear": "linear",
    "scaled_linear_beta": "scaled_linear",
    "scaled_linear": "scaled_linear",
    "cosine": "cosine",
}
PREDICTIONS: dict[str, Prediction] = {"epsilon": "epsilon", "v_prediction": "v", "sample": "x0"}


def noise_schedule(config: Config) -> Schedule:
    """Read the noise that the network was trained with.

    Raises
    ------
    BundleRefused
        A scheduler, schedule or prediction that is not ours too, named.
    """
    about = find(config, SCHEDULER, KNOWN, STEPPING)
    name = "beta_schedule" if "beta_schedule" in about.arguments else "schedule"
    kind, prediction = about.get(name, "linear_beta"), about.get("prediction_type", "epsilon")
    if not isinstance(kind, str) or kind not in SCHEDULES:
        raise about.refusal(name, f"is {str(kind)[:40]!r}; known are {', '.join(SCHEDULES)}")
    if not isinstance(prediction, str) or prediction not in PREDICTIONS:
        raise about.refusal(
            "prediction_type", f"is {str(prediction)[:40]!r}; known are {', '.join(PREDICTIONS)}"
        )
    if about.get("s", COSINE_OFFSET) != COSINE_OFFSET:
        raise about.refusal("s", f"must be {COSINE_OFFSET} to be read here")
    try:
        return Schedule(
            kind=SCHEDULES[kind],
            steps=about.get("num_train_timesteps", 1000),
            beta_start=float(about.get("beta_start", 1e-4)),
            beta_end=float(about.get("beta_end", 2e-2)),
            prediction=PREDICTIONS[prediction],
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise BundleRefused(f"{config.file}: {about.key}: {str(error)[:160]}.") from None
