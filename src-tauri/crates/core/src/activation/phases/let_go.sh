# Ends generations that finish and have no visitor left, where their own way of ending fails: gunicorn was seen to lose a
# TERM while it forked a worker, and to wait for that worker until its time was over. A transient unit, which is gone with
# the last of them. Arguments: port and unit of each generation.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
visited() { # port, unit: whether one of its processes holds a connection to the port
    hex=$(printf %04X "$1")
    # Established connections (state 01) with that port at this end, by their inode (proc_net_tcp(5)).
    held=$(awk -v port=":$hex\$" '$2 ~ port && $4 == "01" { print "socket:[" $10 "]" }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    [ -n "$held" ] || return 1
    group=$(systemctl show -p ControlGroup "$2" | cut -d= -f2-)
    for top in /sys/fs/cgroup /sys/fs/cgroup/systemd; do
        [ ! -r "$top$group/cgroup.procs" ] || while read -r pid; do
            for one in "/proc/$pid/fd/"*; do readlink "$one"; done 2>/dev/null
        done <"$top$group/cgroup.procs"
    done | grep -qxF "$held"
}
let_go() { # port, unit
    idle=0
    while sleep 1 && [ "$(systemctl show -p ActiveState "$2" | cut -d= -f2-)" = deactivating ]; do
        if visited "$1" "$2"; then idle=0; else idle=$((idle + 1)); fi
        # Told once more, and each of its processes: what still finishes something may do so within its time.
        if [ "$idle" = 3 ]; then systemctl kill --kill-who=all --signal="$(systemctl show -p KillSignal "$2" | cut -d= -f2-)" "$2" 2>/dev/null; fi
    done
}
while [ "$#" -ge 2 ]; do
    let_go "$1" "$2" &
    shift 2
done
wait
