# Begins a directory with files that this host has, while the rest is on its way. Arguments: destination, directory of this
# host to take files from or nothing, digest of the sorted lines of sha256sum about them, "list" when a list of digests is to be
# kept. Standard input: compressed, a line for each file: mode that a copy gets or "link", blank, path in both directories.
# Ends with 3 when what was taken is not right. Needs known.sh.
set -u
destination=$1 like=$2 sums=$3 keep=$4
partial=$destination.slipway-partial work=$destination.slipway-lists
fail() { # why, status
    rm -rf "$partial" "$work"
    echo "$1" >&2
    exit "${2:-1}"
}
rm -rf "$partial" "$work"
umask 022
mkdir -p "${destination%/*}" || fail "cannot make the directory around $destination"
mkdir "$partial" || fail "cannot make $partial"
mkdir -m 0700 "$work" || fail "cannot make $work"
[ -n "$like" ] || exit 0
gzip -dc >"$work/list" || fail "the list of files arrived damaged"
cd "$like" || fail "cannot enter $like" 3
sed -n 's/^link //p' "$work/list" | xargs -r -d '\n' cp -lP --parents -t "$partial" -- ||
    fail "cannot link to files of $like" 3
sed -n 's/^[67][0-9]* //p' "$work/list" >"$work/copies"
if [ -s "$work/copies" ]; then
    # tar says which file it could not read; whether all came is judged by their content.
    tar --no-recursion --verbatim-files-from -cf - -T "$work/copies" |
        tar -xf - --no-same-owner --no-same-permissions -C "$partial"
fi
cd "$partial" || fail "cannot enter $partial"
for mode in 755 644; do
    sed -n "s/^$mode //p" "$work/list" | xargs -r -d '\n' chmod "0$mode" -- ||
        fail "cannot set the mode of what was copied" 3
done
cd / || exit 1
sed -n 's/^\(link\|[67][0-9]*\) //p' "$work/list" >"$work/names"
seen "$partial" "$work/names" >"$work/seen" || fail "what was taken from $like is not all there" 3
digests "$like.digests" "$partial" "$work/seen" "$work/names" "$work" >"$work/sums" ||
    fail "what was taken from $like cannot be read" 3
sum=$(LC_ALL=C sort "$work/sums" | sha256sum)
[ "${sum%% *}" = "$sums" ] || fail "what was taken from $like is not what it was" 3
if [ "$keep" = list ]; then
    listed "$work/sums" "$work/seen" >"$work/digests" || fail "cannot write a list"
fi
