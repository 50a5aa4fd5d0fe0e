# Takes the code of one release into another. Arguments: the release, the directory of the other.
# It is root's in both, and stays so: the same files serve, and so does the list of their digests, if there is one.
set -u
cp -al -- "$1/code" "$2/code" || exit 1
if [ -f "$1/code.digests" ]; then cp -a -- "$1/code.digests" "$2/code.digests"; fi
