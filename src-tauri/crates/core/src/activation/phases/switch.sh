# The switch, the new release's processes, and the look at them.
switch_to() {
    ln -sfn "releases/$1" "$ROOT/current.new" && mv -fT "$ROOT/current.new" "$ROOT/current"
}
rehearse() {
    gate_clean
    if nginx_differs "$new/config" "$work/new.index" || [ -s "$work/nginx.gone" ]; then
        nginx_rehearse "$new/config" "$work/new.index" "$work" "$work/nginx.gone" || {
            why='nginx refuses the new configuration'
            return 1
        }
    fi
}
switch() {
    stage=after hook_stage=live
    install_bundle "$new" "$work/new.index" "$old" || return 1
    drop_files "$work/new.index" "$work/old.index" others
    [ "$units_changed" = no ] || systemctl daemon-reload
    switch_to "$RELEASE" || {
        why='the link to the new release could not be made'
        return 1
    }
}
replace() { # unit socket port slot way
    process_of "$@"
    failing=$generation
    port_wanted=$3 port_for=$1
    each_previous yield_port
    if [ -z "$4" ]; then
        start_unit "$new" "$@" || return 1
        failing=''
        return 0
    fi
    # What the release before has of this instance: of version 0.1, the unit itself.
    if [ "$(show "$1" ActiveState)" = active ]; then systemctl stop "$1"; fi
    if [ "$5" = stop-first ]; then end_slot "$4" "$generation"; fi
    start_generation "$generation" "$@" || return 1
    # Without memory for two generations of everything, each old one ends before the next new one starts.
    if [ "$HANDOVER" = one-by-one ]; then end_slot "$4" "$generation"; fi
    failing=''
}
reload() {
    if [ "$nginx_changed" = yes ]; then
        nginx_take_up || {
            why='nginx did not take the new configuration'
            return 1
        }
    fi
    at_boot "$SITE.target"
    systemctl is-active -q "$SITE.target" || systemctl start "$SITE.target" 2>/dev/null
    return 0
}
still_well() { # unit socket port slot way
    process_of "$@"
    failing=$generation
    state=$(show "$failing" ActiveState)
    if [ "$state" != active ]; then
        why="$failing did not stay active: it is $state"
        return 1
    fi
    # One that ended and was started again between two looks did not prove itself either.
    if [ "$(show "$failing" InvocationID)" != "$(cat "$work/began:$failing")" ]; then
        why="$failing ended and was started again"
        return 1
    fi
    [ -z "$3" ] || ask "$3" || return 1
    failing=''
}
settle() {
    uptime
    end=$((uptime + H_SETTLE * 100))
    while :; do
        each_instance still_well || return 1
        uptime
        left=$((end - uptime))
        [ "$left" -gt 0 ] || break
        if [ "$left" -ge 100 ]; then sleep 1; else sleep "0.$(printf %02d "$left")"; fi
    done
}
# A reload is not instantaneous: until its new workers answer, nginx serves as it did before, or refuses a port that is new.
front() {
    code=$(curl -sk -o /dev/null -D "$work/head" --noproxy '*' --max-time 10 -w '%{http_code}' --resolve "$FRONT_RESOLVE" "$FRONT_URL") || code='nothing'
    # Without a path to ask for, nobody knows what the application says to "/"; that it says something is enough.
    case ${H_PATH:+path}:$code in
    *:"$H_STATUS" | :2?? | :3?? | :401 | :403 | :404) return 0 ;;
    esac
    redirect_of "$work/head"
    # A release that is gone back to may be encrypted where today's site file is not.
    case $FRONT_URL:$redirect in
    "http://"*:" (to https://$H_HOST/"* | "http://"*:" (to https://$H_HOST)")
        FRONT_URL=https${FRONT_URL#http} FRONT_RESOLVE=$H_HOST:443:127.0.0.1
        ;;
    esac
    # The site's own access rules hold for the host itself, too.
    case " $FRONT_ACCEPTS " in *" $code "*) return 0 ;; esac
    why="through nginx, $FRONT_URL answers $code$redirect"
    return 1
}
verify() {
    [ -n "$FRONT_URL" ] || return 0
    uptime
    patience=$((uptime + 1000))
    until front; do
        uptime
        [ "$uptime" -lt "$patience" ] || return 1
        sleep 0.2
    done
    why=''
    printf 'through nginx: %s answers %s\n' "$FRONT_URL" "$code"
}
