# Says which regular files a directory of this host holds or, where a list of digests is kept, held when it came. Arguments: the
# directory, digits. Prints, compressed, a line for each file: what is known of its content, mode, owner as a number, path. Known
# is from a list "=" and as many digits of the digest; else the bytes, "@" and the time of the last change. A directory that is
# not there holds nothing. Needs known.sh.
set -u
cd -- "$1" 2>/dev/null || exec gzip -c </dev/null
if [ -f "$1.digests" ] && [ -n "$(named "$1.digests" 1 | head -n 1)" ]; then
    named "$1.digests" "$2"
else
    # Links are not followed. A name that does not fit into a line is left out.
    find . -xdev -type f ! -path '*[[:cntrl:]]*' ! -path '*\\*' -printf '%s@%T@ %m %U %P\n'
fi | gzip -c
