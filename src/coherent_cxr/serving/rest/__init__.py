"""The service: reports over HTTP, for programs and for the page."""
