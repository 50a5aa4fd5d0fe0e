# Makes root's what a build has left: copied, so that nobody holds it open and nothing else is a name of it. Part of every
# program that takes such a tree over. The directory around the tree is root's.
take() { # tree, user
    # Cut off between two names: the copy is whole then.
    if [ ! -e "$1" ] && [ -d "$1.left" ] && [ -d "$1.taken" ]; then mv -T -- "$1.taken" "$1" || return 1; fi
    # What nobody but root has ever had stays, and is shared with other releases.
    if [ -n "$(find "$1" ! -user root -print -quit)" ]; then
        if [ "$(id -u -- "$2" 2>/dev/null)" = 0 ]; then
            echo "$1 was not built by a user of its own" >&2
            return 1
        fi
        # systemd has ended what the build began. Nobody is left who could change what is being read, whatever escaped that.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            pkill -KILL -U "$2" || break
            sleep 0.1
        done
        if pgrep -U "$2" >/dev/null; then
            echo "processes of $2 do not end" >&2
            return 1
        fi
        rm -rf -- "$1.taken" || return 1
        # Modes lose what the umask takes, and setuid with it. Times are those by which caches know files.
        (umask 022 && cp -R -P --reflink=auto --preserve=links,timestamps --no-target-directory -- "$1" "$1.taken") &&
            chmod -R u=rwX,go=rX,g-s -- "$1.taken" && rm -rf -- "$1.left" &&
            mv -T -- "$1" "$1.left" && mv -T -- "$1.taken" "$1" || return 1
    fi
    rm -rf -- "$1.left" || return 1
    [ -z "$(find "$1" \( ! -user root -o ! -type l -perm /022 -o -type f -perm /6000 -o ! -type f ! -type d ! -type l \) -print -quit)" ] && return 0
    echo "$1 holds what is not root's alone, or what is no file, directory or link" >&2
    return 1
}
