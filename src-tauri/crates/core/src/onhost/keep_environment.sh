# Turns a built environment into one that nobody but root can change, and marks it whole.
# Arguments: its directory, who built it. Needs take.sh.
set -u
take "$1" "$2" || exit 1
# The marker comes last: without it the environment is built anew. The build may have put anything in its place.
rm -rf -- "$1/.whole" && : >"$1/.whole" && sync -f "$1"
