"""Separation of a whole video: windows of it, joined again and brought to the video's size."""
