# Generations: an instance's processes of one release, as units SLOT@RELEASE.service. Several of one slot may run at once,
# on one socket. A release whose generation is there and ends already runs as RELEASE.2, which is a link to it.
# A release of version 0.1 has none: there the instance's unit is the process.
generations() { # slot: name and state of each that systemd knows
    [ -n "$1" ] || return 0
    systemctl list-units --all --full --plain --no-legend "$1@*.service" 2>/dev/null | while read -r unit _ state _; do
        printf '%s %s\n' "$unit" "$state"
    done
}
serving() { # slot, pattern of their releases: those that run or start
    generations "$1" | while read -r unit state; do
        # shellcheck disable=SC2254 # a pattern
        case $unit in "$1@"$2.service) ;; *) continue ;; esac
        case $state in active | activating | reloading | refreshing) printf '%s\n' "$unit" ;; esac
    done
}
unused() { # unit socket port slot: whether the instance has no generation $name, not even one that ends
    [ -n "$4" ] || return 0
    case $(show "$4@$name.service" ActiveState) in inactive | failed | '') return 0 ;; esac
    return 1
}
name_for() { # release, function that calls another one for each instance: sets $name to what its generations can be called
    name=$1 number=1
    until "$2" unused; do
        number=$((number + 1))
        name=$1.$number
    done
    if [ "$number" -gt 1 ]; then ln -sfn "$1" "$ROOT/releases/$name"; fi
}
forget_copies() { # links of generations that are gone
    for link in "$ROOT/releases/"*.[0-9]*; do
        [ -L "$link" ] || continue
        name=${link##*/}
        each_instance unused && each_previous unused && rm -f "$link"
    done
    return 0
}
end_generations() { # units; they drain in the background
    [ "$#" = 0 ] || systemctl stop --no-block "$@" 2>/dev/null
}
end_slot() { # slot, unit to be left alone or empty: each other one is gone after that
    for unit in $(generations "$1" | cut -d' ' -f1); do
        [ "$unit" = "$2" ] || systemctl stop "$unit" 2>/dev/null
    done
    return 0
}
at_boot() { # units
    for wanted do
        # Enabling has systemd read every unit again, also what is enabled already.
        [ "$units_changed" = no ] && systemctl is-enabled -q "$wanted" 2>/dev/null && continue
        systemctl enable -q "$wanted" 2>/dev/null
    done
}
# The instance is no more. What it had begun is finished in the background.
retire() { # unit socket port slot
    # One by one, the socket first: one that is not there must not keep the other running, nor start it again.
    for unit in ${2:+"$2"} "$1"; do
        systemctl disable -q "$unit" 2>/dev/null
        systemctl stop --no-block "$unit" 2>/dev/null
    done
    # shellcheck disable=SC2046 # names of units have no blanks
    end_generations $(generations "$4" | cut -d' ' -f1)
    return 0
}
# The same, and its port is free after that.
retire_now() { # unit socket port slot
    retire "$@"
    systemctl stop ${2:+"$2"} "$1" 2>/dev/null
    end_slot "$4" ''
}
retire_socket() { # socket
    # One that could not be started may be enabled.
    systemctl disable -q "$1" 2>/dev/null
    systemctl stop "$1" 2>/dev/null
    return 0
}
# Two units cannot have one port: what has another name in the other release lets go of it first.
yield_port() { # unit socket port slot
    if [ -n "$3" ] && [ "$3" = "$port_wanted" ] && [ "$1" != "$port_for" ]; then retire_now "$@"; fi
}
# Starts one generation beside those that run, and waits until it works.
start_generation() { # generation, unit socket port slot way
    generation=$1
    shift
    if [ -n "$2" ]; then
        at_boot "$2"
        if ! systemctl is-active -q "$2"; then
            # A process that opened this port itself lets go of it first; systemd starts no socket beside it.
            end_slot "$4" ''
            systemctl start "$2" || {
                why="$2 could not be started"
                return 1
            }
        fi
    fi
    at_boot "$1"
    systemctl reset-failed "$generation" 2>/dev/null
    systemctl start "$generation" || {
        why="$generation did not start"
        return 1
    }
    wait_well "$generation" "$3" "$1" || return 1
    show "$generation" InvocationID >"$work/began:$generation"
}
slot_of() { # instance's unit: S-P@I.service has the slot S-P.I
    slot_of=${1%.service}
    printf '%s.%s' "${slot_of%%@*}" "${slot_of#*@}"
}
# The same of a release of version 0.1. Its unit has the same name in every release, so it ends before it starts.
start_unit() { # release directory, unit socket port slot way
    from=$1
    shift
    end_slot "$(slot_of "$1")" ''
    systemctl reset-failed "$1" 2>/dev/null
    at_boot "$1" ${2:+"$2"}
    [ -z "$2" ] || systemctl start "$2" || {
        why="$2 could not be started"
        return 1
    }
    systemctl restart "$1" || {
        why="$1 did not start"
        return 1
    }
    wait_well "$1" "$3" "$1" && runs_from "$1" "$from" || return 1
    show "$1" InvocationID >"$work/began:$1"
}
process_of() { # unit socket port slot: sets $generation to what runs of the new release
    generation=$1
    if [ -n "$4" ]; then generation=$4@$copy.service; fi
}
