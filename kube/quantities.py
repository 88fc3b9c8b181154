"""Amounts as Kubernetes writes them (0.5, 500m, 1Gi, 1e3): read, so that two notations of one amount compare as one."""

import re
from decimal import Decimal
from typing import Any

_SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_LONGEST = 40
_GREATEST = 99


def quantity(value: Any) -> Decimal | None:
    """The amount; None for what is none. Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    found = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    if suffix in _BINARY:
        return Decimal(number) * 1024 ** _BINARY[suffix]
    power = max(-_GREATEST, min(int(exponent), _GREATEST)) if exponent else _DECIMAL.get(suffix, 0)
    return Decimal(number).scaleb(power)
