# Says which regular files a directory of this host holds. Argument: the directory. Prints, compressed, a line for each
# file: bytes, time of its last change, mode, owner as a number, path. One that is not there holds nothing.
set -u
cd -- "$1" 2>/dev/null || exec gzip -c </dev/null
# Links are not followed. A name that does not fit into a line is left out.
find . -xdev -type f ! -path '*[[:cntrl:]]*' ! -path '*\\*' -printf '%s %T@ %m %U %P\n' | gzip -c
