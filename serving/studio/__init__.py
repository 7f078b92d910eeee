"""A page to try a separator on, built with Gradio."""
