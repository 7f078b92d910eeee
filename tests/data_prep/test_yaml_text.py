import pytest

from data_prep.errors import UserError
from data_prep.yaml_text import parse_yaml


def test_a_number_and_its_digits_as_text_are_two_keys():
    assert parse_yaml("{1: a, '1': b}", "x.yaml") == {1: "a", "1": "b"}


@pytest.mark.parametrize("text", ["{1: a, 1: b}", "{a: 1, 'a': 2}", "{b: {a: 1, a: 2}}"])
def test_a_key_that_occurs_twice_is_refused(text):
    with pytest.raises(UserError, match=r"^x\.yaml: must be a readable YAML file: the key \w occ"):
        parse_yaml(text, "x.yaml")
