"""Source videos: Kinetics' layout or a plain folder, the manifest that lists them, their splits."""
