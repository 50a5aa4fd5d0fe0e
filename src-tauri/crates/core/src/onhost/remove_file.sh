# Removes one file. Arguments: path, directory that keeps what was there (or "-"), directory in which the removal waits
# for an effect (or "-").
# Standard input: the SHA-256 of what must be there. (It says something of a secret, and every process sees arguments.)
set -u
read -r expected || exit 1
if [ "$(sha256sum <"$1" | cut -c1-64)" != "$expected" ]; then
    echo "$1 is no longer what the plan was made for" >&2
    exit 76
fi
if [ "$2" != - ]; then
    mkdir -p -m 0700 "$2" && cp -a "$1" "$2/$(date +%s)$(printf %s "$1" | tr / _)" || exit 1
fi
if [ "$3" != - ]; then
    mkdir -p -m 0700 "$3" && printf '%s\n' "$1" >>"$3/.removed"
else
    rm -f -- "$1"
fi
