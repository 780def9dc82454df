"""The Gradio page in parts."""
