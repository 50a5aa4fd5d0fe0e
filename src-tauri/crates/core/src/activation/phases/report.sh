# What the program says, keeps and begins with. Each phase is a file of its own; the last lines of the program, which
# Slipway writes, call them in order.
#
# The program runs on the host as a transient unit, so it finishes even when the desktop or the link is gone. What it is
# about stands in front of this text:
#   SITE ROOT STATE RELEASE PREVIOUS REASON H_PATH H_STATUS H_TIMEOUT H_WITHIN H_SETTLE H_HOST FRONT_URL FRONT_RESOLVE
#   FRONT_ACCEPTS GUARD_PATH GUARD_UNIT GUARD_TABLE GUARD_RULES SPARED OVERLAP OVERLAP_LEFT HANDOVER HOOK_LIMIT CHECK_LIMIT LET_GO, each_added, each_previous,
#   each_check, each_instance, each_retired, each_migrate, each_before, each_after, own_check,
#   fenced (systemd-run with what fences in a process of the site).
# Lines that begin with "@" are for Slipway, all others are what commands printed.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
work=$(mktemp -d "/run/slipway/activate.XXXXXX") || exit 70
began=$(date +%s)
units_changed=no nginx_changed=no why='' failing='' newline='
'
# before, after (the switch), drained: how much of the release before still runs.
stage=before hook='' hooks=0
new=$ROOT/releases/$RELEASE
old=${PREVIOUS:+$ROOT/releases/$PREVIOUS}

# What others print is never taken for what the program says.
as_text() { sed -u 's/^@/ @/'; }
phase() { printf '@phase %s\n' "$1"; }
ledger() {
    printf '%s %s %s %s\n' "$(date +%s)" "$1" "$2" "$(printf %s "$3" | tr '\000-\037\177' ' ' | cut -c1-300)" >>"$STATE/ledger"
    sync -d "$STATE/ledger" 2>/dev/null || sync
}
verdict() {
    rm -rf "$work"
    printf '@verdict %s %s\n' "$1" "$2"
    exit "$3"
}
tail_of() { # unit or empty
    [ -n "$1" ] || return 0
    printf '@log %s\n' "$1"
    journalctl --sync 2>/dev/null
    # With --since, -n means the first lines, not the last (journalctl of systemd 252).
    journalctl -q --no-pager -o cat --since "@$began" -u "$1" 2>/dev/null | tail -n 40 | cut -c1-2000 | as_text
    [ -z "$said" ] || printf 'its answer: %s\n' "$said"
    printf '@endlog\n'
}
show() { systemctl show -p "$2" "$1" 2>/dev/null | cut -d= -f2-; }
uptime() { # sets itself to hundredths of a second, which no change of the clock moves
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}${uptime#*.}
}

begin() {
    [ -f "$new/config/.index" ] || {
        why="release $RELEASE is not whole on this host"
        verdict intact "$why" 20
    }
    [ -z "$old" ] || [ -f "$old/config/.index" ] || {
        why="release $PREVIOUS, which is live, is not whole on this host"
        verdict intact "$why" 20
    }
    index_of "$new" >"$work/new.index" && index_of "$old" >"$work/old.index" && {
        only_in "$work/old.index" "$work/new.index" | while read -r reader path; do
            [ "$reader" != nginx ] || [ ! -e "$path" ] || printf '%s\n' "$path"
        done
    } >"$work/nginx.gone" || {
        why='the list of its files could not be read'
        verdict intact "$why" 20
    }
    trap told_to_stop TERM HUP INT
    ledger begin "$RELEASE" "$REASON"
    forget_copies
    name_for "$RELEASE" each_instance
    copy=$name
}
good() {
    trap '' TERM HUP INT
    ledger good "$RELEASE" "$REASON"
    verdict good "release $RELEASE is active" 0
}
