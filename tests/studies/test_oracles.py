"""The same numbers by programs of other people, on random studies: skipped where one is not installed.

krippendorff and statsmodels come with the test extra. pingouin and irrCAC bring much with them, or pin old versions:
install them in an environment of their own and run this file there.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from medsynth_desktop.studies.statistics.gwet import gwet_ac, raw_agreement
from medsynth_desktop.studies.statistics.intraclass import intraclass
from medsynth_desktop.studies.statistics.kappa import contingency, kappa_of_table
from medsynth_desktop.studies.statistics.krippendorff import krippendorff_alpha
from medsynth_desktop.studies.statistics.laplace import LaplaceLikelihood
from medsynth_desktop.studies.statistics.ordinal_mixed import fit_cumulative_logit
from medsynth_desktop.studies.statistics.shares import share
from medsynth_desktop.studies.statistics.weights import agreement_weights
from tests.studies.simulated import EVEN, TOP_HEAVY, ratings, two_kinds

SEEDS = range(5)


def study(seed: int, readers: int = 3, missing: float = 0.15) -> np.ndarray:
    """A random study of 40 cases with some answers missing."""
    generator = np.random.default_rng(seed)
    table = ratings(generator, readers, 40, EVEN if seed % 2 else TOP_HEAVY)
    table[generator.random(table.shape) < missing] = np.nan
    return table


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_as_krippendorff_has_it(seed: int, level: str) -> None:
    krippendorff = pytest.importorskip("krippendorff")
    table = study(seed, readers=4)
    theirs = krippendorff.alpha(table, level_of_measurement=level, value_domain=[1, 2, 3, 4])
    assert krippendorff_alpha(table, 4, level).value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("weighting", "named"), [("identity", None), ("linear", "linear"), ("quadratic", "quadratic")]
)
def test_kappa_as_statsmodels_has_it(seed: int, weighting: str, named: str | None) -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    first, second = study(seed, 2)
    table = contingency(first, second, 4)
    theirs = rater.cohens_kappa(table, wt=named)
    ours = kappa_of_table(table, agreement_weights(4, weighting))
    assert ours.value == pytest.approx(theirs.kappa, abs=1e-12)
    assert ours.error == pytest.approx(theirs.std_kappa, abs=1e-12)


@pytest.mark.parametrize(("hits", "total"), [(0, 7), (3, 7), (7, 7), (189, 200)])
def test_share_as_statsmodels_has_it(hits: int, total: int) -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    theirs = proportion.proportion_confint(hits, total, method="wilson")
    ours = share(hits, total)
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_cumulative_logit_as_statsmodels_has_it(seed: int) -> None:
    ordinal = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    table, truth = two_kinds(np.random.default_rng(seed), 1, 80, -1.0)
    theirs = ordinal.OrderedModel(table[0].astype(int), truth[:, None].astype(float), distr="logit").fit(
        method="bfgs", disp=False, gtol=1e-8
    )
    ours = fit_cumulative_logit(table[0], truth[:, None], [])
    assert ours.coefficients[0] == pytest.approx(theirs.params[0], abs=1e-4)
    assert ours.errors[0] == pytest.approx(theirs.bse[0], abs=1e-4)
    assert ours.log_likelihood == pytest.approx(theirs.llf, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_intraclass_as_pingouin_has_it(seed: int) -> None:
    pingouin = pytest.importorskip("pingouin")
    pandas = pytest.importorskip("pandas")
    table = study(seed, missing=0.0)
    readers, cases = np.indices(table.shape)
    long = pandas.DataFrame({"reader": readers.ravel(), "case": cases.ravel(), "score": table.ravel()})
    theirs = pingouin.intraclass_corr(long, targets="case", raters="reader", ratings="score")
    made = list(intraclass(table).values())
    assert [icc.value for icc in made] == pytest.approx(theirs["ICC"].tolist(), abs=1e-9)
    ends = np.stack(theirs["CI95" if "CI95" in theirs else "CI95%"].tolist())
    assert np.array([(icc.low, icc.high) for icc in made]) == pytest.approx(
        ends, abs=0.0051
    )  # they print two digits


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weighting", ["identity", "linear", "quadratic", "ordinal"])
def test_ac_as_gwet_has_it(seed: int, weighting: str) -> None:
    raw = pytest.importorskip("irrCAC.raw")
    pandas = pytest.importorskip("pandas")
    table = study(seed, readers=4)
    theirs = raw.CAC(pandas.DataFrame(table.T), weights=weighting, categories=[1, 2, 3, 4], digits=8)
    made, gwet = gwet_ac(table, 4, weighting), theirs.gwet()["est"]
    assert made.value == pytest.approx(gwet["coefficient_value"], abs=1e-7)
    assert made.error == pytest.approx(gwet["se"], abs=1e-7)
    if weighting == "identity":
        assert raw_agreement(table, 4).value == pytest.approx(gwet["pa"], abs=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_jackknife_of_alpha_is_no_narrower_than_gwets_linearised_error(seed: int) -> None:
    """At 40 cases it is some per cent wider, and holds its rate: `bench_reader_studies`."""
    raw = pytest.importorskip("irrCAC.raw")
    pandas = pytest.importorskip("pandas")
    table = study(seed, readers=4)
    theirs = raw.CAC(pandas.DataFrame(table.T), weights="identity", categories=[1, 2, 3, 4], digits=8)
    assert 0.99 <= krippendorff_alpha(table, 4, "nominal").error / theirs.krippendorff()["est"]["se"] <= 1.15


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0])
def test_laplace_is_near_the_integral_itself(spread: float) -> None:
    """One group: the likelihood is a product of integrals, which quadrature knows to ten digits."""
    generator = np.random.default_rng(3)
    owner = np.repeat(np.arange(12), 8)
    score = np.searchsorted(
        [-1.0, 0.0, 1.5], generator.logistic(size=96) + generator.standard_normal(12)[owner]
    )
    cuts = np.array([-1.0, 0.0, 1.5])
    parameters = np.array([-1.0, np.log(1.0), np.log(1.5), spread])
    edges = np.concatenate([[-np.inf], cuts, [np.inf]])

    def density(u: float, own: np.ndarray) -> float:
        shift = spread * u
        chance = stats.logistic.cdf(edges[own + 1] - shift) - stats.logistic.cdf(edges[own] - shift)
        return float(np.prod(chance) * stats.norm.pdf(u))

    whole = sum(np.log(integrate.quad(density, -9, 9, args=(score[owner == g],))[0]) for g in range(12))
    ours = -LaplaceLikelihood(score, 4, np.zeros((96, 0)), [owner])(parameters)
    assert ours == pytest.approx(whole, abs=12 * 0.02)


def test_crossed_likelihood_is_the_determinant_written_out() -> None:
    """Two crossed groups: mode by a general optimiser, Hessian by differences, against the Schur complement."""
    from scipy import optimize

    generator = np.random.default_rng(5)
    table, truth = two_kinds(generator, 3, 6, -0.5)
    reader, case = (index.ravel() for index in np.indices(table.shape))
    score = table.ravel().astype(int) - 1
    score = np.unique(score, return_inverse=True)[1]
    levels = int(score.max()) + 1
    likelihood = LaplaceLikelihood(score, levels, truth[case][:, None].astype(float), [reader, case])
    parameters = likelihood.start() + 0.1
    cuts = np.concatenate([[-np.inf], likelihood.thresholds(parameters), [np.inf]])
    s_case, s_reader = parameters[-2], parameters[-1]  # the larger group comes first
    centre = truth[case] * likelihood.coefficients(parameters)[0]

    def minus(u: np.ndarray) -> float:
        at = centre + s_reader * u[:3][reader] + s_case * u[3:][case]
        chance = stats.logistic.cdf(cuts[score + 1] - at) - stats.logistic.cdf(cuts[score] - at)
        return float(-np.log(chance).sum() + u @ u / 2)

    mode = optimize.minimize(minus, np.zeros(9), method="BFGS", options={"gtol": 1e-8}).x
    step, hessian = 1e-4, np.zeros((9, 9))
    moves = step * np.eye(9)
    for i in range(9):
        for j in range(9):
            ends = [
                minus(mode + a * moves[i] + b * moves[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ]
            hessian[i, j] = (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * step**2)
    written_out = minus(mode) + np.linalg.slogdet(hessian)[1] / 2
    assert likelihood(parameters) == pytest.approx(written_out, abs=1e-5)
    assert likelihood.deviations(parameters).tolist() == [abs(s_reader), abs(s_case)]
