"""Media files: probe them, decode clips from them, and encode videos."""
