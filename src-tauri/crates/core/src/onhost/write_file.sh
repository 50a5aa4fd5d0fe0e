# Writes a file. Arguments: path, mode, owner, group, who reads it, directory that keeps what was there (or "-"), directory
# below which it is put, with the directories on the way (or "-"), directory in which it waits for an effect (or "-").
# Standard input: one line with what is expected ("-": nothing there; "any"; or the SHA-256 of what is there: it says
# something of a secret, and every process sees arguments), then the content.
set -u
path=$1 mode=$2 owner=$3 group=$4 reader=$5 keep=$6 base=$7 stage=$8
read -r expected || exit 1
target=$path
if [ "$base" != - ]; then
    target=$base$path
    mkdir -p "${target%/*}" || exit 1
    if [ "$reader" != sudo ]; then
        # Nobody reads it there before its release is sealed, which brings all of it to disk.
        (umask 077 && rm -f "$target" && : >"$target") && chown "$owner:$group" "$target" && chmod "$mode" "$target" &&
            cat >"$target" || {
            echo "$path could not be kept" >&2
            exit 1
        }
        exit 0
    fi
fi
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
if [ "$stage" != - ]; then
    target=$stage$path
    mkdir -p -m 0700 "$stage" && mkdir -p "$(dirname "$target")" || exit 1
fi
put "$source" "$target" "$mode" "$owner" "$group" "$reader" || {
    echo "$path could not be written" >&2
    exit 1
}
if [ "$stage" != - ]; then
    printf '%s %s %s %s %s\n' "$mode" "$owner" "$group" "$reader" "$path" >>"$stage/.index" || exit 1
fi
