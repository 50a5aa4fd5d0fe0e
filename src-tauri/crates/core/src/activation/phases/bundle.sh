# Files of a release's configuration: put in place, kept aside, taken away.
# A release names its files in config/.index ("mode owner group path") and, line by line, who reads each of them in
# config/.readers. Version 0.1 wrote no readers: for its releases, and nowhere else, they are told by where files lie.
reader_of_old() { # path
    case $1 in
    /etc/systemd/*) reader=systemd ;;
    /etc/nginx/* | /etc/slipway/tls/*) reader=nginx ;;
    /etc/sudoers.d/*) reader=sudo ;;
    */guard.nft) reader=rules ;;
    *) reader=- ;;
    esac
}
index_of() { # release directory or empty: prints "mode owner group reader path" lines
    [ -n "$1" ] && [ -f "$1/config/.index" ] || return 0
    if [ -f "$1/config/.readers" ]; then
        while read -r mode owner group path <&3 && read -r reader <&4; do
            printf '%s %s %s %s %s\n' "$mode" "$owner" "$group" "$reader" "$path"
        done 3<"$1/config/.index" 4<"$1/config/.readers"
    else
        while read -r mode owner group path; do
            reader_of_old "$path"
            printf '%s %s %s %s %s\n' "$mode" "$owner" "$group" "$reader" "$path"
        done <"$1/config/.index"
    fi
}
only_in() { # index, other index: prints "reader path" of what only the first one has, and nothing else took over
    while read -r _ _ _ reader path; do
        case $SPARED in *"$newline$path$newline"*) continue ;; esac
        cut -d' ' -f5- "$2" | grep -qxF -e "$path" || printf '%s %s\n' "$reader" "$path"
    done <"$1"
}
note_change() { # who reads it
    case $1 in
    systemd) units_changed=yes ;;
    nginx) nginx_changed=yes ;;
    esac
}
keep_aside() { # path, what the outgoing release put there or empty: anything else was made by hand
    [ -f "$1" ] && [ ! -L "$1" ] || return 0
    if [ -n "$2" ] && cmp -s "$2" "$1"; then return 0; fi
    mkdir -p -m 0700 "$STATE/replaced" && cp -a "$1" "$STATE/replaced/$(date +%s)$(printf %s "$1" | tr / _)"
}
install_bundle() { # release directory, its index, other release directory or empty
    while read -r mode owner group reader path; do
        # Rules for both releases stand in this place until the ports of one of them are closed.
        if [ "$path" = "$GUARD_PATH" ]; then continue; fi
        same "$1/config$path" "$path" "$mode" "$owner" "$group" && continue
        note_change "$reader"
        printf 'install %s\n' "$path"
        keep_aside "$path" "${3:+$3/config$path}"
        put "$1/config$path" "$path" "$mode" "$owner" "$group" "$reader" || {
            why="$path could not be written"
            return 1
        }
    done <"$2"
}
drop_files() { # index of what stays, index of what was there: what only the latter has; "units" or "others"
    only_in "$2" "$1" >"$work/only"
    while read -r reader path; do
        case $reader in
        systemd) [ "$3" = units ] || continue ;;
        *) [ "$3" = others ] || continue ;;
        esac
        if [ ! -e "$path" ] || [ "$path" = "$GUARD_PATH" ]; then continue; fi
        note_change "$reader"
        printf 'remove %s\n' "$path"
        rm -f "$path"
    done <"$work/only"
}
