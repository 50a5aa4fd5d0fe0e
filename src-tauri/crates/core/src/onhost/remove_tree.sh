# Removes directories with everything in them. Arguments: a directory for what is going away, next to them and root's
# alone; then the directories. Each is gone from its place at once, and out of its user's reach while it is emptied.
set -u
trash=$1
shift
# What a run that was cut off had begun to empty may be emptied by it still, which confuses rm once.
rm -rf --one-file-system -- "$trash" 2>/dev/null || rm -rf --one-file-system -- "$trash" || exit 1
mkdir -m 0700 -- "$trash" || exit 1
for directory in "$@"; do
    if [ -L "$directory" ]; then
        rm -f -- "$directory" || exit 1
    elif [ -e "$directory" ]; then
        mv -T -- "$directory" "$trash/$(basename "$directory")" || exit 1
    fi
done
# A disk that is mounted in there is not emptied.
rm -rf --one-file-system -- "$trash"
