"""A study's report in the forms that other systems read: pure functions from a ``StudyReport``."""
