"""Which image is riskiest: the one order of the window, the report, its pairs and the command line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from medsynth_desktop.core.records import Verdict
from medsynth_desktop.guard.verdicts import BLOCK, VERDICTS


def riskiest_first(verdicts: Sequence[Verdict]) -> list[int]:
    """Places of ``verdicts``: worst verdict first, equal ones as `nearness_order` has them."""
    metrics = {
        key: np.array([v.metrics.get(key, math.nan) for v in verdicts], float)
        for key in ("correlation", "rmse")
    }
    codes = np.array([VERDICTS.index(v.verdict) for v in verdicts], np.int8)
    return [int(i) for i in risk_order(codes, nearness_order([v.id for v in verdicts], metrics))]


def nearness_order(ids: Sequence[str], metrics: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) places of ``ids``: highest correlation first, then smallest RMSE, then by id.

    A value that is not defined counts as the riskiest: nothing shows that it is safe. No verdict enters, so that the
    order is kept while a limit is dragged, and `risk_order` alone follows.
    """
    unknown = np.full(len(ids), math.nan)
    apart = -np.asarray(metrics.get("correlation", unknown), float)
    rmse = np.asarray(metrics.get("rmse", unknown), float)
    keys = [np.where(np.isfinite(risk), risk, -np.inf) for risk in (rmse, apart)]
    return np.lexsort((np.array(ids, str), *keys))


def risk_order(codes: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    """(n,) places: worst of ``codes`` (0 pass, 1 review, 2 block) first, equal ones in the order of ``nearness``."""
    worst_first = np.int8(BLOCK) - np.asarray(codes, np.int8)[nearness]
    return nearness[np.argsort(worst_first, kind="stable")]
