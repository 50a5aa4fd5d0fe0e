# Writes a file. Arguments: path, mode, owner, group, directory that keeps what was there (or "-"), "parents" or "-".
# Standard input: one line with what is expected ("-": nothing there; "any"; or the SHA-256 of what is there: it says
# something of a secret, and every process sees arguments), then the content.
set -u
path=$1 mode=$2 owner=$3 group=$4 keep=$5
read -r expected || exit 1
directory=$(dirname "$path")
if [ "$6" = parents ]; then mkdir -p "$directory" || exit 1; fi
if [ -L "$path" ]; then
    now=link
elif [ -f "$path" ]; then
    now=$(sha256sum <"$path" | cut -c1-64)
elif [ -e "$path" ]; then
    now=other
else
    now=-
fi
if [ "$expected" != any ] && [ "$now" != "$expected" ]; then
    echo "$path is no longer what the plan was made for" >&2
    exit 76
fi
if [ "$keep" != - ] && [ "$now" != - ]; then
    mkdir -p -m 0700 "$keep" && cp -a "$path" "$keep/$(date +%s)$(printf %s "$path" | tr / _)" || exit 1
fi
source=$(mktemp /run/slipway/write.XXXXXX) || exit 1
trap 'rm -f "$source"' EXIT
cat >"$source" || exit 1
put "$source" "$path" "$mode" "$owner" "$group" || {
    echo "$path could not be written" >&2
    exit 1
}
