"""v5: works, after a start of twelve seconds."""

VERSION = "v5"
LABEL = "slow start"
START_DELAY = 12
