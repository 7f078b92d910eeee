import pytest

from data_prep.errors import UserError
from data_prep.registry import lookup


def test_lookup():
    registry = {"b": 1, "a": 2}
    assert lookup(registry, "a", "toy") == 2
    with pytest.raises(UserError, match=r"^toy: must be one of b, a, got 'c'$"):
        lookup(registry, "c", "toy")
