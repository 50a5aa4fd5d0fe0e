# Ends generations that finish and have no visitor left, where their own way of ending fails: gunicorn was seen to lose a
# TERM while it forked a worker, and to wait for that worker until its time was over. A transient unit, which is gone with
# the last of them. Arguments: port and unit of each generation.
# Needs sockets.sh.
set -u
LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
let_go() { # port, unit
    idle=0
    while sleep 1 && [ "$(systemctl show -p ActiveState "$2" | cut -d= -f2-)" = deactivating ]; do
        if holds "$2" "$(sockets_of "$1" 01)"; then idle=0; else idle=$((idle + 1)); fi
        # Told once more, and each of its processes: what still finishes something may do so within its time.
        if [ "$idle" = 3 ]; then systemctl kill --kill-who=all --signal="$(systemctl show -p KillSignal "$2" | cut -d= -f2-)" "$2" 2>/dev/null; fi
    done
}
while [ "$#" -ge 2 ]; do
    let_go "$1" "$2" &
    shift 2
done
wait
