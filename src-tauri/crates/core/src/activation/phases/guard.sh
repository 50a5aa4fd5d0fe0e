# Rules for who may reach the site's ports.
# Rules for all ports of both releases are in force, also after a reboot, before the first new port is opened.
guard_both() {
    [ -n "$GUARD_PATH" ] || return 0
    printf '%s' "$GUARD_RULES" >"$work/rules"
    nft -f "$work/rules" || {
        why='the rules that keep ports from the network could not be loaded'
        return 1
    }
    printf '%s' "$GUARD_LASTING" >"$work/rules"
    put "$work/rules" "$GUARD_PATH" 644 root root rules || {
        why="$GUARD_PATH could not be written"
        return 1
    }
}
# The ports of one of them are closed: the rules of the other are in force. Without any, the unit goes with its rules.
guard_one() { # release directory, its index
    [ -n "$GUARD_PATH" ] || return 0
    rules=$(while read -r _ _ _ _ path; do [ "$path" != "$GUARD_PATH" ] || echo yes; done <"$2")
    if [ "$rules" = yes ]; then
        put "$1/config$GUARD_PATH" "$GUARD_PATH" 644 root root rules || return 1
        # A job of systemd's would wait for what the old release still finishes: its units are ordered behind the guard.
        nft -f "$GUARD_PATH" || return 1
        systemctl enable -q "$GUARD_UNIT" 2>/dev/null
        systemctl is-active -q "$GUARD_UNIT" || systemctl start --no-block "$GUARD_UNIT"
    else
        systemctl disable -q "$GUARD_UNIT" 2>/dev/null
        systemctl stop --no-block "$GUARD_UNIT" 2>/dev/null
        nft delete table inet "$GUARD_TABLE" 2>/dev/null
        rm -f "$GUARD_PATH"
    fi
}
