# Files put in place whole or not at all. Part of every program that writes configuration on a host.
same() { # source, path, mode, owner, group
    [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2" && [ "$(stat -c '%a %U %G' "$2")" = "$3 $4 $5" ]
}
put() { # source, path, mode, owner, group, who reads it
    # A sudoers file that sudo cannot read locks everybody out of sudo. (sudo passes over names with a dot in them.)
    if [ "$6" = sudo ]; then visudo -cqf "$1" || return 1; fi
    into=$(dirname "$2")
    # A run that was cut off leaves its own behind, and logrotate reads every file that it finds. One run at a time writes.
    for left in "$into"/.slipway.??????; do [ ! -f "$left" ] || rm -f "$left" || return 1; done
    temporary=$(mktemp "$into/.slipway.XXXXXX") || return 1
    if cat "$1" >"$temporary" && chown "$4:$5" "$temporary" && chmod "$3" "$temporary" &&
        sync -d "$temporary" && mv -fT "$temporary" "$2"; then
        if command -v restorecon >/dev/null 2>&1; then restorecon "$2" 2>/dev/null; fi
        return 0
    fi
    rm -f "$temporary"
    return 1
}
