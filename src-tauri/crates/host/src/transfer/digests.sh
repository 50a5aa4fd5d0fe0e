# Says what files of this host hold. Argument: the directory. Standard input: their paths in it, compressed, one a line.
# Prints, compressed, a line for each file: the first half of its digest, a blank, its path. Needs known.sh.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
gzip -dc >"$work/names" || exit 1
# What is not there has no digest.
seen "$1" "$work/names" >"$work/seen" 2>/dev/null
digests "$1.digests" "$1" "$work/seen" "$work/names" "$work" |
    sed -n 's|^\([0-9a-f]\{32\}\)[0-9a-f]\{32\}  |\1 |p' | gzip -c
