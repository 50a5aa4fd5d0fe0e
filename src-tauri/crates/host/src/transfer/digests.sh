# Says what files of this host hold. Argument: the directory. Standard input: their paths in it, compressed, one a line.
# Prints, compressed, a line for each file: the first half of its digest, a blank, its path. Needs known.sh.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# What is not there has no digest.
{
    gzip -dc | seen "$1" 2>/dev/null | known "$1.digests" /dev/null "$work/unknown"
    (cd -- "$1" && xargs -r -d '\n' sha256sum -- <"$work/unknown")
} | sed -n 's|^\([0-9a-f]\{32\}\)[0-9a-f]\{32\}  |\1 |p' | gzip -c
