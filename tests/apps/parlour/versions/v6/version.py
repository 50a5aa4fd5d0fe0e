"""v6: works, then dies thirty seconds after its start."""

VERSION = "v6"
LABEL = "crashes later"
CRASH_AFTER = 30
