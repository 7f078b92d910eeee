"""Control accuracy as the audio cue is shifted against the video."""
