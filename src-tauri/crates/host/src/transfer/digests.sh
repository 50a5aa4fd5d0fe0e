# Says what files of this host hold. Argument: the directory. Standard input: their paths in it, compressed, one a line.
# Prints, compressed, a line for each file: the first half of its digest, a blank, its path.
set -u
cd -- "$1" || exit 1
newline="
"
gzip -dc | xargs -r -d "$newline" sha256sum -- | sed -n 's|^\([0-9a-f]\{32\}\)[0-9a-f]\{32\}  |\1 |p' | gzip -c
