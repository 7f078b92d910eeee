"""Source videos: Kinetics' layout or a plain folder, and the manifest that lists them."""
