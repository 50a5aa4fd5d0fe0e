"""A stand-in for a database migration.

Appends a line to DATA_DIR/migrations.log; with MIGRATE_FAIL=1 it writes
nothing and ends with status 1.
"""

import datetime
import os
import sys

from version import VERSION


def main():
    directory = os.environ.get("DATA_DIR")
    if not directory:
        print("migrate: the environment variable DATA_DIR is not set", file=sys.stderr)
        return 2
    if os.environ.get("MIGRATE_FAIL") == "1":
        print("migrate: failing on purpose (MIGRATE_FAIL=1)", file=sys.stderr)
        return 1
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "migrations.log")
    stamp = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    with open(path, "a", encoding="utf-8") as log:
        log.write("{} migrated to {}\n".format(stamp, VERSION))
    print("migrate: {} in {}".format(VERSION, path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
