"""Amounts in every notation: what is one amount is one amount, and what is none is none."""

from decimal import Decimal
from typing import Any

import pytest

from kube.quantities import quantity


@pytest.mark.parametrize(
    "notations",
    [
        (1, "1", "1000m", "1.0", 1.0, "1e0", "1E0", "1000000u", "1000000000n", "+1", "1."),
        ("0.5", "500m", 0.5, ".5", "5e-1"),
        ("1Gi", "1024Mi", 1073741824, "1048576Ki", "1073741824"),
        ("1k", 1000, "1e3", "1E3"),
        ("1M", "1000k", "1e6"),
        ("-2", -2, "-2000m"),
    ],
)
def test_notations_of_one_amount_are_one(notations: tuple[Any, ...]) -> None:
    assert {quantity(one) for one in notations} == {quantity(notations[0])}
    assert isinstance(quantity(notations[0]), Decimal)


def test_amounts_that_differ_do() -> None:
    assert len({quantity(one) for one in ("1", "1m", "1k", "1Ki", "1M", "1Mi", "1G", "1E", "1Ei")}) == 9


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1g", "x", "1e", "0x1", "1.2.3", True, None, [], {}, "1" * 41])
def test_what_is_no_amount_is_none(text: Any) -> None:
    assert quantity(text) is None


def test_a_power_beyond_reason_is_read_without_harm() -> None:
    assert quantity("1e999999999") == quantity("1e99")
