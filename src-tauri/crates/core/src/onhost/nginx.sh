# nginx configuration is rehearsed as a whole before any of it is in place. Needs files.sh.
# A configuration directory holds files by absolute path and an index of them: "mode owner group reader path".
nginx_differs() { # configuration directory, index
    while read -r mode owner group reader path; do
        [ "$reader" != nginx ] || same "$1$path" "$path" "$mode" "$owner" "$group" || return 0
    done <"$2"
    return 1
}
# Tries nginx with the files of a configuration directory and without some that are there. Each directory that would
# change is copied, and the copy mounted over it in a mount namespace of its own, so that absolute includes hit it too.
nginx_rehearse() { # configuration directory, index, scratch directory, list of files to leave out
    rehearsal=$3/nginx
    mkdir "$rehearsal" || return 1
    {
        while read -r mode owner group reader path; do
            [ "$reader" != nginx ] || printf '%s\n' "$path"
        done <"$2"
        cat "$4"
    } | while read -r path; do dirname "$path"; done | sort -u >"$rehearsal/directories"
    number=0
    while read -r directory; do
        number=$((number + 1))
        mkdir "$rehearsal/$number" || return 1
        if [ -d "$directory" ]; then cp -a "$directory/." "$rehearsal/$number/" || return 1; fi
        while read -r mode owner group reader path; do
            if [ "$reader" = nginx ] && [ "$(dirname "$path")" = "$directory" ]; then
                # Without it there is nothing over which its copy could be mounted.
                [ -d "$directory" ] || {
                    echo "$directory is not there" >&2
                    return 1
                }
                put "$1$path" "$rehearsal/$number/${path##*/}" "$mode" "$owner" "$group" "$reader" || return 1
            fi
        done <"$2"
        while read -r path; do
            if [ "$(dirname "$path")" = "$directory" ]; then rm -f -- "$rehearsal/$number/${path##*/}" || return 1; fi
        done <"$4"
    done <"$rehearsal/directories"
    pid_was=no
    [ -e /run/nginx.pid ] && pid_was=yes
    # shellcheck disable=SC2016 # $1 is for the inner shell
    unshare -m sh -c '
        number=0
        while read -r directory; do
            number=$((number + 1))
            if [ ! -d "$directory" ]; then continue; fi
            mount --bind "$1/$number" "$directory" || exit 1
        done <"$1/directories"
        exec nginx -t -q
    ' sh "$rehearsal"
    rehearsed=$?
    # nginx -t leaves an empty pid file, labelled for this shell: under SELinux nginx could not start over it.
    [ "$pid_was" = yes ] || [ -s /run/nginx.pid ] || rm -f /run/nginx.pid
    rm -rf "$rehearsal"
    return "$rehearsed"
}
nginx_take_up() {
    if systemctl is-active -q nginx; then systemctl reload nginx; else systemctl enable -q --now nginx; fi
}
