# The release before ends: it takes nothing new, and finishes what it has begun in the background. Needs sockets.sh.
# A server that is told to end may have accepted a connection that it then closes unread (gunicorn's threads do). nginx asks
# another instance then, so no two of them end at the same moment.
until_deaf() { # unit, port
    listening=$(sockets_of "$2" 0A)
    turn=0
    while [ "$turn" -lt 20 ] && holds "$1" "$listening"; do
        turn=$((turn + 1))
        sleep 0.05
    done
}
end_old() { # unit socket port slot way
    # shellcheck disable=SC2046 # names of units have no blanks
    [ -n "$4" ] || return 0
    for ending in $(serving "$4" '*' | grep -vxF "$4@$copy.service"); do
        end_generations "$ending"
        if [ -n "$3" ]; then
            printf '%s %s\n' "$3" "$ending" >>"$work/ending"
            until_deaf "$ending" "$3"
        fi
    done
}
let_go() {
    [ -s "$work/ending" ] || return 0
    # shellcheck disable=SC2046 # ports and names of units
    systemd-run -q --collect --unit="slipway-drain-$SITE-$$" /bin/sh -c "$LET_GO" sh $(cat "$work/ending") ||
        printf 'nobody looks whether what ends has visitors left; it ends by itself\n'
    return 0
}
retire_old() { # unit socket port slot
    retire "$@"
    [ -n "$3" ] || return 0
    for ending in $(generations "$4" | cut -d' ' -f1); do
        printf '%s %s\n' "$3" "$ending" >>"$work/ending"
        until_deaf "$ending" "$3"
    done
}
ask_alone() { # unit socket port slot way
    [ -n "$3" ] || return 0
    process_of "$@"
    failing=$generation
    ask "$3" || {
        # Its last connection may have been taken up by the one that was ending.
        sleep 0.5
        ask "$3" || return 1
    }
    failing=''
}
same_rules() {
    [ -n "$old" ] && cmp -s "$old/config$GUARD_PATH" "$new/config$GUARD_PATH"
}
drain() {
    stage=drained
    # With two sets of ports, nginx asks a port that refused again only after a while: until then both sets serve.
    sleep "$OVERLAP_LEFT"
    # Ports without rules of their own are closed first.
    if [ -z "$GUARD_PATH" ] || same_rules; then each_retired retire_old; else each_retired retire_now; fi
    each_previous end_old
    guard_one "$new" "$work/new.index" || {
        why='the rules that keep ports from the network could not be loaded'
        return 1
    }
    units_changed=no
    drop_files "$work/new.index" "$work/old.index" units
    [ "$units_changed" = no ] || systemctl daemon-reload
    let_go
    # From here on nobody but the new release answers.
    each_instance ask_alone
}
