# Where a directory is made before it appears. Part of every program that makes it, whose first argument it is.
destination=$1
partial=$destination.slipway-partial work=$destination.slipway-lists
fail() { # why, status
    rm -rf "$partial" "$work"
    echo "$1" >&2
    exit "${2:-1}"
}
