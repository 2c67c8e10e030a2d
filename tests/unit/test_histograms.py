"""Percentiles out of buckets are never far off, and merging is adding."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.domain.histograms import GROWTH, LAG, LATENCY

SCALES = [LAG, LATENCY]
SHARES = st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0])


@pytest.mark.parametrize("scale", SCALES)
def test_nothing_has_no_percentile(scale):
    assert scale.quantile([], 0.5) is None
    assert scale.quantile(scale.count([]), 0.99) is None


def test_the_scales_reach_as_far_as_is_measured():
    assert LATENCY.bounds[-1] > 60_000
    assert LAG.bounds[-1] > 86_400
    assert (LATENCY.size, LAG.size) == (24, 36)


@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data(), share=SHARES)
def test_a_percentile_is_off_by_one_bucket_at_most(scale, data, share):
    within = st.floats(scale.bounds[0], scale.bounds[-1], exclude_max=True)
    values = data.draw(st.lists(within, min_size=1, max_size=200))

    found = scale.quantile(scale.count(values), share)

    true = sorted(values)[max(1, ceil(share * len(values))) - 1]
    assert true / GROWTH * 0.999 <= found <= true * GROWTH * 1.001


@given(st.floats(0, 1e7), SHARES)
def test_what_lies_outside_is_said_to_be_the_nearest_bound_at_most(value, share):
    found = LAG.quantile(LAG.count([value]), share)

    assert 0 < found <= LAG.bounds[-1]


numbers = st.lists(st.floats(0, 1e6), max_size=50)


@given(numbers, numbers, numbers)
def test_merging_is_adding_whatever_the_order(first, second, third):
    together = LAG.count(first + second + third)

    assert LAG.merge(map(LAG.count, (first, second, third))) == together
    assert LAG.merge([LAG.count(third), LAG.merge([LAG.count(second), LAG.count(first)])]) == (
        together
    )
    assert LAG.merge([together, []]) == together


@given(numbers.filter(bool))
def test_a_greater_share_is_never_a_smaller_value(values):
    counts = LAG.count(values)
    found = [LAG.quantile(counts, share) for share in (0.1, 0.5, 0.95, 0.99, 1)]

    assert found == sorted(found)
