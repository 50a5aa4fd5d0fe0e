# Going back, and every end but the good one.
intact() {
    trap '' TERM HUP INT
    gate_clean
    # No port of the new release is open any more.
    if [ -n "$old" ]; then guard_one "$old" "$work/old.index" || printf 'the rules of the previous release could not be loaded\n'; fi
    ledger failed "$RELEASE" "$why"
    verdict intact "$why" 20
}
split() {
    ledger failed "$RELEASE" "$reason"
    verdict split "$reason; $1" 22
}
end_new() { # unit socket port slot way
    # shellcheck disable=SC2046 # names of units have no blanks
    end_generations $(generations "$4" | cut -d' ' -f1 | grep -xF "$4@$copy.service")
    return 0
}
# One instance of the release before: as it was, or started again.
back() { # unit socket port slot way
    port_wanted=$3 port_for=$1
    each_instance yield_port
    # A socket that only the new release has would keep the port from a process that opens it itself.
    if [ -z "$2" ]; then retire_socket "${1%.service}.socket"; fi
    if [ -z "$4" ]; then
        start_unit "$old" "$@" || printf '%s\n' "$1: $why" >>"$work/stuck"
        return 0
    fi
    # The new release may be one of version 0.1.
    if [ "$(show "$1" ActiveState)" = active ]; then systemctl stop "$1"; fi
    at_boot "$1" ${2:+"$2"}
    if [ "$5" = stop-first ]; then end_slot "$4" "$4@$PREVIOUS.service"; fi
    running=$(serving "$4" "$PREVIOUS*" | tail -n 1)
    if [ -n "$running" ] && { [ -z "$2" ] || systemctl is-active -q "$2"; }; then
        end_new "$@"
        wait_well "$running" "$3" "$1" || printf '%s\n' "$running: $why" >>"$work/stuck"
    else
        this() { "$1" "$unit" '' '' "$slot"; }
        unit=$1 slot=$4
        name_for "$PREVIOUS" this
        start_generation "$4@$name.service" "$@" || printf '%s\n' "$4@$name.service: $why" >>"$work/stuck"
        end_new "$@"
    fi
}
go_back() {
    # From here on there is one way only, and its end is awaited.
    trap '' TERM HUP INT
    reason=$why
    ledger back "$RELEASE" "$reason"
    tail_of "$failing"
    phase back
    if [ -z "$old" ]; then
        rm -f "$ROOT/current"
        systemctl disable -q "$SITE.target" 2>/dev/null
        systemctl stop "$SITE.target" 2>/dev/null
        each_instance retire_now
        ledger failed "$RELEASE" "$reason"
        verdict restored "$reason" 21
    fi
    went=$new
    new=$old
    units_changed=no
    # By now the rules may be those of the new release alone, or gone.
    guard_both || split "going back failed: $why"
    install_bundle "$old" "$work/old.index" "$went" || split "going back failed: $why"
    drop_files "$work/old.index" "$work/new.index" others
    [ "$units_changed" = no ] || systemctl daemon-reload
    switch_to "$PREVIOUS" || split 'the link to the old release could not be restored'
    each_previous back
    if [ "$nginx_changed" = yes ]; then nginx_take_up || printf 'nginx\n' >>"$work/stuck"; fi
    # What the new release added serves until the old set is back, and has been found by nginx.
    [ "$stage" != drained ] || sleep "$OVERLAP"
    if [ -z "$GUARD_PATH" ]; then each_added retire; else each_added retire_now; fi
    guard_one "$old" "$work/old.index" || printf '%s\n' "$GUARD_UNIT" >>"$work/stuck"
    units_changed=no
    drop_files "$work/old.index" "$work/new.index" units
    [ "$units_changed" = no ] || systemctl daemon-reload
    if [ -s "$work/stuck" ]; then split "going back failed for $(tr '\n' ' ' <"$work/stuck")"; fi
    ledger failed "$RELEASE" "$reason"
    ledger restored "$PREVIOUS" "$reason"
    verdict restored "$reason" 21
}
told_to_stop() {
    trap '' TERM HUP INT
    # A program that was cut off by the same signal failed because of it.
    why='the activation was told to stop'
    failing=''
    [ -z "$hook" ] || systemctl stop "$hook.service" 2>/dev/null
    [ "$stage" = before ] || go_back
    intact
}
