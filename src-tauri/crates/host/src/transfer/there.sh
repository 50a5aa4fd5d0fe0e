# Says which regular files a directory of this host holds. Argument: the directory. Prints, compressed, a line for each
# file: the first half of its digest, a blank, its path. One that is not there holds nothing.
set -u
cd -- "$1" 2>/dev/null || exec gzip -c </dev/null
# Links are not followed. A name that sha256sum has to escape begins its line with a backslash and is left out.
find . -xdev -type f -exec sha256sum -- {} + | sed -n 's|^\([0-9a-f]\{32\}\)[0-9a-f]\{32\}  \./|\1 |p' | gzip -c
