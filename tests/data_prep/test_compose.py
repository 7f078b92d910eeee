import numpy as np
import tensorflow as tf

from data_prep.mixing.compose import as_share, compose, mix_uint8


def test_compose_is_the_definition_for_arrays_and_tensors():
    rng = np.random.default_rng(0)
    v1, v2 = rng.uniform(-1, 1, (2, 3, 4, 5, 6, 3)).astype(np.float32)
    alpha = rng.uniform(0, 1, (3, 4, 5, 6, 1)).astype(np.float32)
    expected = v2 + alpha * (v1 - v2)
    np.testing.assert_allclose(compose(v1, v2, alpha), expected, atol=1e-6)
    mixed = compose(tf.constant(v1), tf.constant(v2), tf.constant(alpha))
    np.testing.assert_allclose(mixed, expected, atol=1e-6)
    np.testing.assert_array_equal(compose(v1, v2, np.ones_like(alpha)), v1)
    np.testing.assert_array_equal(compose(v1, v2, 0.5), compose(v2, v1, 0.5))


def test_8_bit_mixing_is_composition_rounded():
    rng = np.random.default_rng(0)
    v1, v2 = rng.integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    for alpha in (0.0, 0.5, 1.0, rng.uniform(0, 1, (3, 8, 8, 1)).astype(np.float32)):
        mixed = mix_uint8(v1, v2, alpha)
        assert mixed.dtype == np.uint8
        assert np.abs(mixed - compose(v1.astype(float), v2.astype(float), alpha)).max() < 0.501
    np.testing.assert_array_equal(mix_uint8(v1, v2, 1.0), v1)
    np.testing.assert_array_equal(mix_uint8(v1, v2, 0.0), v2)


def test_shares():
    assert as_share(None) == 0.5
    share = as_share(np.array([[[True, False]]]))
    assert share.dtype == np.float32
    assert share.tolist() == [[[[1.0], [0.0]]]]
