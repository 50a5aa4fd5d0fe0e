# What the site's user built becomes root's. Part of every program that takes such a tree over.
# Processes of the user may still be at work in it, through directories that they have open, whatever stands above it.
take() { # tree, user
    # Modes are set with the user's rights: chmod follows a link that takes the place of a file it has just looked at.
    if [ -n "$(find "$1" ! -user root -print -quit)" ]; then
        (cd "$1" && setpriv --reuid "$(id -u "$2")" --regid "$(id -g "$2")" --clear-groups chmod -R u=rwX,go=rX,g-s .) || return 1
    fi
    # This follows none, but can miss what is put beside it as it goes.
    chown -Rh root:root "$1" || return 1
    [ -z "$(find "$1" \( ! -user root -o ! -type l -perm /022 -o -type f -perm /6000 \) -print -quit)" ] && return 0
    echo "$1 was changed while it was being taken from $2" >&2
    return 1
}
