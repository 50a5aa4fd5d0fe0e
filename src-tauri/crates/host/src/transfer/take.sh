# Begins a directory with files that this host has, while the rest is on its way. Arguments: destination, directory of this
# host to take files from or nothing, digest of the sorted lines of sha256sum about them, "linked" when link.sh has begun it.
# Standard input: compressed, a line for each file: "-" when its link goes again, or the mode that a copy gets; blank, path in
# both directories. Ends with 3 when what was taken is not right; where it then says paths, it can be called again, with these
# gone. Needs known.sh and begun.sh.
set -u
like=$2 sums=$3 linked=$4
umask 022
if [ -z "$linked" ]; then
    rm -rf "$partial" "$work"
    mkdir -p "${destination%/*}" || fail "cannot make the directory around $destination"
    mkdir -m 0700 "$partial" "$work" || fail "cannot make $partial"
    if [ -z "$like" ]; then
        true >"$work/taken" || fail "cannot write to $work"
        exit 0
    fi
elif [ ! -f "$work/linked" ]; then
    fail "cannot link to files of $like" 3
fi
gzip -dc >"$work/list" || fail "the list of files arrived damaged"
cd "$partial" || fail "cannot enter $partial"
sed -n 's/^- //p' "$work/list" >"$work/gone"
xargs -r -d '\n' rm -f -- <"$work/gone" || fail "cannot remove links to files of $like" 3
# A directory goes with the last that was in it. One that is not empty, or gone with another, is no error.
sed -n 's|/[^/]*$||p' "$work/gone" | LC_ALL=C sort -u |
    xargs -r -d '\n' rmdir -p --ignore-fail-on-non-empty -- 2>/dev/null
sed -n 's/^[67][0-9]* //p' "$work/list" >"$work/copies"
if [ -s "$work/copies" ]; then
    # tar says which file it could not read; whether all came is judged by their content. What became a link since would be
    # copied as one, and its target get the mode.
    tar -h --no-recursion --verbatim-files-from -cf - -C "$like" -T "$work/copies" |
        tar -xf - --no-same-owner --no-same-permissions -C "$partial"
fi
for mode in 755 644; do
    sed -n "s/^$mode //p" "$work/list" | xargs -r -d '\n' chmod "0$mode" -- ||
        fail "cannot set the mode of what was copied" 3
done
# A link has the mode and the owner of the file, and so must be as the list says; a copy is read.
find . -type f -printf '%P\n' | seen "$partial" | known "$like.digests" "$work/digests" "$work/unknown" >"$work/sums" ||
    fail "cannot read what was taken from $like" 3
if [ -n "$linked" ] && [ $(($(wc -l <"$work/names") - $(wc -l <"$work/gone"))) != "$(wc -l <"$work/sums")" ]; then
    cut -c 67- "$work/sums" | LC_ALL=C sort - "$work/gone" "$work/gone" "$work/names" | uniq -u >"$work/changed"
    # The others can still be links. When it is about very many, copies are simpler.
    [ "$(wc -l <"$work/changed")" -le 500 ] || fail "files of $like have changed" 3
    cat "$work/changed"
    exit 3
fi
if [ -s "$work/unknown" ]; then
    (cd "$partial" && xargs -d '\n' sha256sum --) <"$work/unknown" >"$work/copied" || fail "cannot read what was copied" 3
    seen "$partial" <"$work/unknown" | listed "$work/copied" >>"$work/digests" || fail "cannot write a list"
    cat "$work/copied" >>"$work/sums" || fail "cannot write a list"
fi
sum=$(LC_ALL=C sort "$work/sums" | sha256sum)
[ "${sum%% *}" = "$sums" ] || fail "what was taken from $like is not what it was" 3
true >"$work/taken" || fail "cannot write to $work"
