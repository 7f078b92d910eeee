"""Self-contained HTML pages: templates, figures and inline media."""
