from data_prep.mixing.mixture_types import MIXTURE_TYPES
from data_prep.records.features import FEATURES, MEDIA, schema
from data_prep.records.tensors import feature_spec


def test_spec_and_schema_name_the_same_features():
    declared = {feature.name: feature for feature in schema().feature}
    assert declared.keys() == feature_spec().keys() == FEATURES.keys()
    for name in MEDIA:
        assert declared[name].HasField("image_domain")
    assert list(declared["mixture_type"].string_domain.value) == list(MIXTURE_TYPES)
    has_sound = declared["v1_has_sound"].int_domain
    assert (has_sound.min, has_sound.max) == (0, 1)
    assert (declared["front"].int_domain.min, declared["front"].int_domain.max) == (0, 2)
    assert declared["v2_height"].int_domain.min == 1
    assert all(feature.presence.min_fraction == 1 for feature in declared.values())
