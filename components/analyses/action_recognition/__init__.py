"""Action recognition in mixtures and in what separators make of them."""
