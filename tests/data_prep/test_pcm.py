import numpy as np

from data_prep.media import pcm


def test_all_int16_values_survive_the_way_to_float_and_back():
    values = np.arange(-(2**15), 2**15).astype(np.int16)
    floats = pcm.to_float(values)
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (-1, 1 - 2**-15)
    np.testing.assert_array_equal(pcm.to_int16(floats), values)


def test_louder_samples_are_clipped_and_others_rounded():
    assert pcm.to_int16(np.array([-2.0, 1.0, 1.6 / 2**15])).tolist() == [-32768, 32767, 2]
    assert pcm.to_int16([0.5]).dtype == np.int16
