"""Rule sets as data, and how a rule file is read and checked."""
