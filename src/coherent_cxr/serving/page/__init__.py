"""The web page: drop the images of a study, read its report and see what it rests on."""

FILES = ("/_nicegui/", "/_nicegui_ws/")
"""Where addresses of the page's own files and of its connection begin."""
