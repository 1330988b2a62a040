from __future__ import annotations

from medsynth_desktop.samplers.seeds import noise_seed


def test_the_first_is_the_seed_itself_and_the_others_never_meet() -> None:
    assert noise_seed(2**63 - 1) == 2**63 - 1
    seeds = [noise_seed(s, a, c) for s in range(20) for a in range(5) for c in range(5)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_they_stay_what_they_are_for_ever() -> None:
    """Stored samples are drawn again from these numbers."""
    assert noise_seed(7, 0, 1) == 370847885957284771
    assert noise_seed(7, 1, 0) == 6575638984834283560
