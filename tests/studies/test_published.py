"""Worked examples from the literature, to the digits printed there."""

from __future__ import annotations

import numpy as np
import pytest

from medsynth_desktop.core.wilson import wilson_interval
from medsynth_desktop.studies.statistics.comparison import mann_whitney
from medsynth_desktop.studies.statistics.distributions import Distribution
from medsynth_desktop.studies.statistics.gwet import gwet_ac, raw_agreement
from medsynth_desktop.studies.statistics.intraclass import intraclass
from medsynth_desktop.studies.statistics.kappa import kappa_of_table, weighted_kappa
from medsynth_desktop.studies.statistics.krippendorff import krippendorff_alpha
from medsynth_desktop.studies.statistics.multireader import reader_and_case_error
from medsynth_desktop.studies.statistics.ordinal_mixed import fit_cumulative_logit
from medsynth_desktop.studies.statistics.roc import empirical_auc, hanley_mcneil
from medsynth_desktop.studies.statistics.weights import agreement_weights

NAN = float("nan")
FOUR_OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
"""Krippendorff 2011, Computing Krippendorff's alpha-reliability, data C; also cac.raw4raters of Gwet's irrCAC."""
FOUR_JUDGES = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]])
"""Shrout and Fleiss 1979, Psychological Bulletin 86:420, table 2: four judges, six targets."""
XEROMAMMOGRAMS = np.array([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]])
"""Boyd et al. 1982 in Altman 1991, Practical Statistics for Medical Research, pp. 403-405; Stata manual, kappa."""
ABSTRACTORS = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
"""Gwet 2014, Handbook of Inter-Rater Reliability, 4th edition: 100 charts, two abstractors (cont3x3abstractors)."""
WINE = np.array(
    [
        [2, 3, 3, 4, 4, 4, 5, 5],
        [1, 2, 1, 3, 2, 3, 5, 4],
        [2, 3, 3, 2, 5, 5, 4, 4],
        [3, 2, 3, 2, 3, 2, 5, 3],
        [2, 3, 4, 3, 3, 3, 3, 3],
        [3, 2, 3, 2, 2, 4, 5, 4],
        [1, 1, 2, 2, 2, 3, 2, 3],
        [2, 2, 2, 3, 3, 3, 3, 4],
        [1, 2, 3, 2, 3, 2, 4, 4],
    ]
)
"""Randall 1989, Biometrical Journal 31:781: nine judges, eight bottles; table 1 of Christensen's tutorials."""


def pairs_of(table: np.ndarray) -> np.ndarray:
    """(2, cases) the ratings behind a contingency table."""
    i, j = np.nonzero(table)
    return np.repeat(np.stack([i, j]) + 1.0, table[i, j], axis=1)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_of_newcombe(hits: int, total: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    made = wilson_interval(hits, total)
    assert (round(made[0], 4), round(made[1], 4)) == (low, high)
    assert Distribution((total - hits, hits)).at_least(2).low == made[0]


def test_weighted_kappa_of_cohen() -> None:
    """Cohen 1968, Psychological Bulletin 70:213, table 1: kappa .492, weighted with his own weights .348."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    lost = np.array([[0, 1, 3], [1, 0, 6], [3, 6, 0]]) / 6
    assert round(kappa_of_table(table, np.eye(3)).value, 3) == 0.492
    assert round(kappa_of_table(table, 1 - lost).value, 3) == 0.348


def test_kappas_of_xeromammograms() -> None:
    """Stata Base Reference Manual, kappa, the 85 films: 63.53% agreement; 0.4728, linear 0.5684, quadratic 0.6714."""
    both = pairs_of(XEROMAMMOGRAMS)
    assert round(100 * raw_agreement(both, 4).value, 2) == 63.53
    made = [weighted_kappa(both, 4, w).value for w in ("identity", "linear", "quadratic")]
    assert [round(k, 4) for k in made] == [0.4728, 0.5684, 0.6714]


def test_alpha_of_krippendorff() -> None:
    """Krippendorff 2011, sections A to D: binary 0.095, nominal 0.692, with missing answers 0.743, 0.815, 0.849."""
    binary = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]) + 1
    letters = {c: i + 1 for i, c in enumerate("abcde")}
    nominal = np.array([[letters[c] for c in row] for row in ("aabbdcccedda", "babbbccceddd")])
    assert round(krippendorff_alpha(binary, 2, "nominal").value, 3) == 0.095
    assert round(krippendorff_alpha(nominal, 5, "nominal").value, 3) == 0.692
    made = [
        krippendorff_alpha(FOUR_OBSERVERS, 5, level).value for level in ("nominal", "ordinal", "interval")
    ]
    assert [round(a, 3) for a in made] == [0.743, 0.815, 0.849]


def test_ac1_of_gwet() -> None:
    """Vignette Overview of Gwet's R package irrCAC: raw ratings of four, and the contingency table of two."""
    many = gwet_ac(FOUR_OBSERVERS, 5, "identity")
    assert (round(many.value, 5), round(many.error, 5)) == (0.77544, 0.14295)
    assert round(raw_agreement(FOUR_OBSERVERS, 5).value, 5) == 0.81818
    two = gwet_ac(pairs_of(ABSTRACTORS), 3, "identity")
    assert round(two.value, 7) == 0.8493305
    assert (
        round(two.error * (99 / 100) ** 0.5, 8) == 0.04321747
    )  # tables divide by n there, raw ratings by n - 1
    kappa = kappa_of_table(ABSTRACTORS, np.eye(3))
    assert (round(kappa.value, 7), round(kappa.error, 8)) == (0.7964094, 0.05891072)


def test_weights_of_gwet() -> None:
    """Vignette Weighting of irrCAC: the matrices for three categories."""
    assert agreement_weights(3, "linear").tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
    assert agreement_weights(3, "quadratic")[0].tolist() == [1, 0.75, 0]
    assert agreement_weights(3, "ordinal")[0].round(7).tolist() == [1, 0.6666667, 0]


def test_intraclass_of_shrout_and_fleiss() -> None:
    """Table 4: the six forms; the intervals as psych::ICC of R prints them for the same data."""
    made = intraclass(FOUR_JUDGES)
    values = {form: round(icc.value, 2) for form, icc in made.items()}
    assert list(values.values()) == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    ends = [(round(icc.low, 3), round(icc.high, 3)) for icc in made.values()]
    assert ends == [
        (-0.133, 0.723), (0.019, 0.761), (0.342, 0.946), (-0.884, 0.912), (0.071, 0.927), (0.676, 0.986)
    ]  # fmt: skip


def test_area_of_hanley_and_mcneil() -> None:
    """Hanley and McNeil 1982, Radiology 143:29, table I: 109 CT images, area 0.893 with a standard error of 0.032.

    Stata Base Reference Manual, roctab, the same data after DeLong: 0.8932, 0.0307, 0.83295 to 0.95339.
    """
    normal, abnormal = (
        np.repeat(np.arange(1, 6), counts) for counts in ([33, 6, 6, 11, 2], [3, 2, 2, 11, 33])
    )
    made = empirical_auc(abnormal, normal)
    assert round(made.value, 3) == 0.893
    assert round(hanley_mcneil(made.value, len(abnormal), len(normal)), 3) == 0.032
    assert (round(made.value, 4), round(made.error, 4)) == (0.8932, 0.0307)
    reach = 1.959964 * made.error
    assert (round(made.value - reach, 5), round(made.value + reach, 5)) == (0.83295, 0.95339)


def test_mann_whitney_of_hollander_and_wolfe() -> None:
    """Hollander and Wolfe 1973, Nonparametric Statistical Methods, p. 69, wilcox.test of R: W = 35, p = 0.1272.

    Permeability of the human chorioamnion at term and between 12 and 26 weeks.
    """
    term = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
    early = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
    made = mann_whitney(term, early)
    assert made.exact
    assert made.u == 35
    assert round(made.p_value / 2, 4) == 0.1272


def test_cumulative_logit_of_christensen() -> None:
    """clm of the R package ordinal, wine data: 2.5031 (0.5287), 1.5278 (0.4766), log-likelihood -86.49."""
    judge, bottle = (index.ravel() for index in np.indices(WINE.shape))
    fixed = np.stack([bottle >= 4, bottle % 4 >= 2], axis=1).astype(float)  # warm; contact
    made = fit_cumulative_logit(WINE.ravel(), fixed, [])
    assert made.coefficients.round(4).tolist() == [2.5031, 1.5278]
    assert made.errors.round(4).tolist() == [0.5287, 0.4766]
    assert made.thresholds.round(4).tolist() == [-1.3444, 1.2508, 3.4669, 5.0064]
    assert round(made.log_likelihood, 2) == -86.49


def test_cumulative_logit_mixed_model_of_christensen() -> None:
    """A tutorial on fitting cumulative link mixed models with clmm2 (ordinal), section 2, Laplace's approximation.

    Its last digits hang on where that search stopped and on its numerical Hessian: hence 2e-5.
    """
    judge, bottle = (index.ravel() for index in np.indices(WINE.shape))
    fixed = np.stack([bottle >= 4, bottle % 4 >= 2], axis=1).astype(float)
    made = fit_cumulative_logit(WINE.ravel(), fixed, [judge])
    assert made.coefficients == pytest.approx([3.062997, 1.834885], abs=2e-5)
    assert made.errors == pytest.approx([0.5954, 0.5125], abs=1e-4)
    assert made.deviations == pytest.approx([1.131133], abs=2e-5)
    assert round(made.log_likelihood, 2) == -81.57
    crossed = fit_cumulative_logit(WINE.ravel(), fixed, [judge, bottle])
    assert crossed.deviations == pytest.approx([1.131133, 0], abs=1e-4)  # bottles differ by nothing else


CINE = [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066]
SPIN_ECHO = [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169]


@pytest.mark.parametrize(
    ("areas", "variance", "shared", "error", "freedom", "fixed"),
    [
        (CINE, 0.00101410, 0.00048396, 0.03317360, 12.74465, 0.02428971),
        (SPIN_ECHO, 0.00059047, 0.00020419, 0.02156637, 12.71019, 0.01677632),
    ],
    ids=["cine", "spin echo"],
)
def test_mean_area_of_van_dyke(
    areas: list[float], variance: float, shared: float, error: float, freedom: float, fixed: float
) -> None:
    """Five readers, 114 cases (Van Dyke et al. 1993), each modality for itself: OR-DBM MRMC 2.51 and MRMCaov of R.

    Areas, variance and covariance of the readers are printed there to eight digits, as are the standard error with
    readers random and its degrees of freedom, and the standard error with readers fixed.
    """
    covariance = np.full((5, 5), shared) + (variance - shared) * np.eye(5)
    made = reader_and_case_error(np.array(areas), covariance)
    assert made == pytest.approx((error, freedom), rel=2e-5)
    assert covariance.mean() ** 0.5 == pytest.approx(fixed, rel=1e-5)
