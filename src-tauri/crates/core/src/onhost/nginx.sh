# nginx configuration is rehearsed as a whole tree before any of it is in place. Needs files.sh.
# A configuration directory holds files by absolute path and an index of them: "mode owner group path".
nginx_differs() { # configuration directory
    while read -r mode owner group path; do
        case $path in /etc/nginx/*) same "$1$path" "$path" "$mode" "$owner" "$group" || return 0 ;; esac
    done <"$1/.index"
    return 1
}
nginx_rehearse() { # configuration directory, scratch directory, files to leave out
    rehearsal=$2/nginx
    mkdir "$rehearsal" && cp -a /etc/nginx/. "$rehearsal/" || return 1
    while read -r mode owner group path; do
        case $path in
        /etc/nginx/*) put "$1$path" "$rehearsal${path#/etc/nginx}" "$mode" "$owner" "$group" || return 1 ;;
        esac
    done <"$1/.index"
    shift 2
    for path in "$@"; do rm -f -- "$rehearsal${path#/etc/nginx}" || return 1; done
    pid_was=no
    [ -e /run/nginx.pid ] && pid_was=yes
    # The tree is mounted over /etc/nginx in a mount namespace of its own, so that absolute includes hit it too.
    # shellcheck disable=SC2016 # $1 is for the inner shell
    unshare -m sh -c 'mount --bind "$1" /etc/nginx && exec nginx -t -q' sh "$rehearsal"
    rehearsed=$?
    # nginx -t leaves an empty pid file, labelled for this shell: under SELinux nginx could not start over it.
    [ "$pid_was" = yes ] || [ -s /run/nginx.pid ] || rm -f /run/nginx.pid
    rm -rf "$rehearsal"
    return "$rehearsed"
}
nginx_take_up() {
    if systemctl is-active -q nginx; then systemctl reload nginx; else systemctl enable -q --now nginx; fi
}
