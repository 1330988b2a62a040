"""`bundle.json`: every key, its type and its range; anything else is refused.

The file comes from a stranger. It is plain JSON of at most 1 MiB; it names no class, no module and no path.
"""

from __future__ import annotations

import math
import re
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, TypeVar

from medsynth_desktop.bundles.asking import LONGEST_CLASS
from medsynth_desktop.bundles.plain import strict_json
from medsynth_desktop.bundles.schedule import Schedule
from medsynth_desktop.core.errors import BundleRefused
from medsynth_desktop.core.privacy import Privacy
from medsynth_desktop.core.records import MODEL_NAME, Condition, Recipe
from medsynth_desktop.networks.architecture import (
    AUTOENCODERS,
    UNETS,
    AnyAutoencoderShape,
    AnyUNetShape,
    AutoencoderShape,
    UNetShape,
)
from medsynth_desktop.networks.ranges import MAX_CLASSES, MAX_CONDITIONS

FORMAT, VERSION = "medsynth-bundle", 1
KINDS: dict[str, dict[str, type]] = {"autoencoder": {**AUTOENCODERS}, "unet": {**UNETS}}
"""Shapes by part and kind; the first kind of each is meant where none is named."""
MAX_JSON_BYTES = 1 << 20
MAX_GRID_CELLS = 1 << 28
"""A grid of 2^28 voxels is 1 GiB of float32: beyond any image that is sampled."""
KEYS = {
    "format", "version", "name", "licence", "recipe", "cohort_hash", "conditions", "autoencoder", "unet", "schedule",
    "latent_scale", "training", "privacy",
}  # fmt: skip
CONDITION = re.compile(r"[A-Za-z]\w{0,39}")
CLASS = re.compile(rf"[^\x00-\x1f]{{1,{LONGEST_CLASS}}}")
HASH = re.compile(r"[0-9a-f]{64}|")
"""Of the training cohort; empty where nobody knows it, as of a model from elsewhere."""
ADDED: dict[type, tuple[str, ...]] = {
    AutoencoderShape: ("attention", "encoder_attention", "decoder_attention", "projected", "unit_range"),
    UNetShape: (
        "level_heads", "residual_resampling", "projected", "transformer_layers", "unasked", "concatenated"
    ),
}  # fmt: skip
"""Fields of shapes that bundles of before do not have; one that has its default is not written either."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BundleFacts:
    """All that `bundle.json` says, checked."""

    name: str
    licence: str
    recipe: Recipe
    cohort_hash: str
    conditions: tuple[Condition, ...]
    autoencoder: AnyAutoencoderShape
    unet: AnyUNetShape
    schedule: Schedule
    latent_scale: float
    training: dict[str, Any]
    privacy: Privacy | None = None


def parse_facts(data: bytes) -> BundleFacts:
    """Check and return what ``data``, the bytes of `bundle.json`, says.

    Raises
    ------
    BundleRefused
        Naming the first key that is missing, unknown or out of range.
    """
    if len(data) > MAX_JSON_BYTES:
        raise BundleRefused(f"bundle.json must be at most {MAX_JSON_BYTES} bytes; it has {len(data)}.")
    try:
        document = strict_json(data)
    except (ValueError, RecursionError) as error:
        raise BundleRefused(
            f"bundle.json cannot be read as JSON ({str(error)[:80]}); get the model anew."
        ) from None
    if isinstance(document, dict):
        document = {"privacy": None, **document}
    _check_keys("bundle.json", document, KEYS)
    if document["format"] != FORMAT or document["version"] != VERSION or document["version"] is True:
        raise BundleRefused(
            f"bundle.json must say format {FORMAT!r} version {VERSION}; got {str(document['format'])[:40]!r} "
            f"version {str(document['version'])[:20]}; update MedSynth Desktop or get the model anew."
        )
    facts = BundleFacts(
        name=_text("name", document["name"], MODEL_NAME),
        licence=_text("licence", document["licence"], re.compile(r"[^\x00-\x1f]{0,200}")),
        recipe=_recipe(document["recipe"]),
        cohort_hash=_text("cohort_hash", document["cohort_hash"], HASH),
        conditions=_conditions(document["conditions"]),
        autoencoder=_shape("autoencoder", document["autoencoder"]),
        unet=_shape("unet", _with_conditions(document["unet"])),
        schedule=_record("schedule", Schedule, document["schedule"]),
        latent_scale=_number("latent_scale", document["latent_scale"], 1e-6, 1e6),
        training=_training(document["training"]),
        privacy=_privacy(document["privacy"]),
    )
    _check_fit(facts)
    return facts


def _recipe(value: Any) -> Recipe:
    recipe = _record("recipe", Recipe, value)
    axes = recipe.grid if isinstance(recipe.grid, tuple) else ()
    if len(axes) not in (2, 3) or any(type(n) is not int or not 8 <= n <= 1024 for n in axes):
        raise BundleRefused(
            f"The recipe's grid must have 2 or 3 axes of 8 to 1024; got {str(recipe.grid)[:60]}."
        )
    if math.prod(recipe.grid) > MAX_GRID_CELLS:
        raise BundleRefused(
            f"The recipe's grid must have at most {MAX_GRID_CELLS} voxels; got {recipe.grid}."
        )
    if recipe.intensity not in ("percentile", "window"):
        raise BundleRefused("The recipe's intensity must be percentile or window.")
    _number("recipe spacing", recipe.spacing, 0, 1000)
    if not _number("recipe low", recipe.low, -1e6, 1e6) < _number("recipe high", recipe.high, -1e6, 1e6):
        raise BundleRefused(f"The recipe's low must be below its high; got {recipe.low} and {recipe.high}.")
    for text in (recipe.modality, recipe.unit):
        _text("recipe", text, re.compile(r"[\w%/^.-]{0,16}"))
    if recipe.version != 1 or type(recipe.version) is not int:
        raise BundleRefused("The recipe's version must be 1; update MedSynth Desktop.")
    return recipe


def _privacy(value: Any) -> Privacy | None:
    """What its maker says of a model that was fine-tuned with differential privacy; others say nothing."""
    if value is None:
        return None
    said = _record("privacy", Privacy, value)
    for key in ("epsilon", "second_epsilon", "noise", "clip"):
        _number(f"privacy {key}", getattr(said, key), 1e-9, 1e9)
    for key in ("delta", "share"):
        _number(f"privacy {key}", getattr(said, key), 0, 1)
    if type(said.steps) is not int or not 1 <= said.steps <= 10**9:
        raise BundleRefused("privacy steps must be a whole number from 1 on; get the model anew.")
    for key in ("accountant", "second_accountant", "parts"):
        _text(f"privacy {key}", getattr(said, key), re.compile(r"[\w .,()-]{1,80}"))
    _text("privacy base", said.base, HASH)
    return said


def _shape(part: str, value: Any) -> Any:
    """The shape of the kind that the object names; bundles from before there were kinds name none."""
    known = KINDS[part]
    kind = value.get("kind", next(iter(known))) if isinstance(value, dict) else next(iter(known))
    if not isinstance(kind, str) or kind not in known:
        raise BundleRefused(
            f"{part}: kind must be one of {', '.join(known)}; got {str(kind)[:40]!r}; "
            "update MedSynth Desktop or get the model anew."
        )
    plain = {k: v for k, v in value.items() if k != "kind"} if isinstance(value, dict) else value
    return _record(part, known[kind], plain)


def part_document(part: str, shape: AnyAutoencoderShape | AnyUNetShape) -> dict[str, Any]:
    """What `bundle.json` says of ``shape``; the first kind is not named, so that older programs read it too."""
    kind = next(key for key, shape_of in KINDS[part].items() if type(shape) is shape_of)
    return {**({} if kind == next(iter(KINDS[part])) else {"kind": kind}), **shape_document(shape)}


def _check_fit(facts: BundleFacts) -> None:
    """The parts must fit each other: dimensions, latent channels and grid."""
    dims = {facts.autoencoder.spatial_dims, facts.unet.spatial_dims, len(facts.recipe.grid)}
    if len(dims) != 1:
        raise BundleRefused(
            "The grid, the autoencoder and the UNet must all be 2D or all 3D; get the model anew."
        )
    if facts.autoencoder.latent_channels != facts.unet.latent_channels:
        raise BundleRefused(
            "The autoencoder and the UNet must have equal latent_channels; get the model anew."
        )
    if tuple(len(c.classes) for c in facts.conditions) != facts.unet.conditions:
        raise BundleRefused("The UNet's conditions must be those that the bundle names; get the model anew.")
    if facts.unet.unasked and any((c.low, c.high) != (0, 1) for c in facts.conditions):
        raise BundleRefused(
            "Conditions that the network sees as they are must range from 0 to 1; get the model anew."
        )
    factor = facts.autoencoder.factor * facts.unet.factor
    if any(n % factor for n in facts.recipe.grid):
        raise BundleRefused(f"Every axis of the grid must divide by {factor}; got {facts.recipe.grid}.")


def _record(name: str, kind: type[T], value: Any) -> T:
    """Build the frozen record ``kind`` from a JSON object with exactly its fields; lists become tuples."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if isinstance(value, dict):
        value = {**_defaults(kind), **value}
    _check_keys(name, value, known)
    plain: dict[str, Any] = {}
    for key, item in value.items():
        plain[key] = tuple(item) if isinstance(item, list) else item
        scalars = plain[key] if isinstance(plain[key], tuple) else (plain[key],)
        if len(scalars) > 16 or not all(isinstance(s, bool | int | float | str) for s in scalars):
            raise BundleRefused(f"{name}: {key} must be a number, a text or a short list of them.")
    try:
        return kind(**plain)
    except (ValueError, TypeError) as error:
        raise BundleRefused(f"{name}: {str(error)[:160]}.") from None


def _defaults(kind: type) -> dict[str, Any]:
    return {f.name: f.default for f in fields(kind) if f.name in ADDED.get(kind, ())}


def shape_document(shape: Any) -> dict[str, Any]:
    """What `bundle.json` says of ``shape``; what it has in common with older bundles is said as they said it."""
    said = asdict(shape)
    return {k: v for k, v in said.items() if _defaults(type(shape)).get(k, MISSING) != v}


def _check_keys(name: str, value: Any, known: set[str]) -> None:
    if not isinstance(value, dict):
        raise BundleRefused(f"{name} must be a JSON object; get the model anew.")
    if missing := sorted(known - set(value)):
        raise BundleRefused(f"{name} lacks {missing[0]!r}; get the model anew.")
    if unknown := sorted(set(value) - known):
        raise BundleRefused(f"{name} holds {unknown[0][:40]!r}, which no bundle of version {VERSION} has.")


def _text(name: str, value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BundleRefused(f"{name} must be a text of the form {pattern.pattern}; got {str(value)[:40]!r}.")
    return value


def _number(name: str, value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        raise BundleRefused(f"{name} must be a number from {low:g} to {high:g}; got {str(value)[:40]}.")
    return float(value)


def _with_conditions(unet: Any) -> Any:
    """Bundles of before conditions say nothing of them."""
    none: dict[str, Any] = {
        "conditions": [],
        "condition_width": UNetShape.__dataclass_fields__["condition_width"].default,
    }
    return {**none, **unet} if isinstance(unet, dict) else unet


def _conditions(value: Any) -> tuple[Condition, ...]:
    if not isinstance(value, list) or len(value) > MAX_CONDITIONS:
        raise BundleRefused(f"conditions must be a list of at most {MAX_CONDITIONS}; get the model anew.")
    found = tuple(_condition(item) for item in value)
    if len({c.name for c in found}) != len(found):
        raise BundleRefused("Every condition must have its own name; get the model anew.")
    return found


def _condition(value: Any) -> Condition:
    _check_keys("a condition", value, {f.name for f in fields(Condition)})
    classes = value["classes"]
    if not isinstance(classes, list) or len(classes) > MAX_CLASSES:
        raise BundleRefused(f"A condition has a list of at most {MAX_CLASSES} classes; get the model anew.")
    names = tuple(_text("a class", c, CLASS) for c in classes)
    low, high = (_number(f"condition {key}", value[key], -1e9, 1e9) for key in ("low", "high"))
    if len(set(names)) != len(names) or (not names and not low < high):
        raise BundleRefused(
            "A condition needs classes that differ, or a low below its high; get the model anew."
        )
    return Condition(_text("a condition's name", value["name"], CONDITION), names, low, high)


def _training(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BundleRefused("training must be a JSON object that tells how the model was made.")
    return value
