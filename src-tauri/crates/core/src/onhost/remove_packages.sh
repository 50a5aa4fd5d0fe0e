# Removes packages that Slipway installed, and what came along only for them. Arguments: apt or dnf, then packages.
# One that something else depends on by now stays; so do configuration files, because people may have put their own there.
set -u
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
manager=$1
shift
case $manager in
apt)
    orphans() { apt-get -s autoremove | sed -n "s/^Remv \([^ ]*\) .*/\1/p" | sort; }
    before=$(orphans)
    # What somebody asked for, and what nobody has needed since before: neither may go for the sake of these.
    kept_by_hand="
$(apt-mark showmanual)
$before
"
    while [ "$#" -gt 0 ]; do
        others=$(apt-get -s remove "$@" | sed -n "s/^Remv \([^ ]*\) .*/\1/p" | while read -r name; do
            name=${name%%:*}
            found=no
            for one do [ "$one" != "$name" ] || found=yes; done
            if [ "$found" = yes ]; then continue; fi
            case $kept_by_hand in *"
$name
"*) echo "$name" ;; esac
        done)
        [ -n "$others" ] || break
        kept=""
        count=$#
        while [ "$count" -gt 0 ]; do
            one=$1
            shift
            count=$((count - 1))
            alone=$(apt-get -s remove "$one" | sed -n "s/^Remv \([^ ]*\) .*/\1/p" | wc -l)
            takes=$(apt-get -s remove "$one" | sed -n "s/^Remv \([^ ]*\) .*/\1/p")
            stays=no
            for other in $others; do
                case "
$takes
" in *"
$other
"*) stays=yes ;; esac
            done
            if [ "$stays" = yes ] && [ "$alone" -gt 0 ]; then kept="$kept $one"; else set -- "$@" "$one"; fi
        done
        [ -n "$kept" ] || exit 1
        echo "stays, because something else depends on it:$kept"
    done
    [ "$#" -gt 0 ] || exit 0
    apt-get remove -y -q "$@" || exit 1
    new=$(orphans | while read -r name; do
        case "
$before
" in *"
$name
"*) ;; *) echo "$name" ;; esac
    done)
    # shellcheck disable=SC2086 # names of packages
    [ -z "$new" ] || apt-get remove -y -q $new
    ;;
dnf)
    for one do
        shift
        if ! rpm -q "$one" >/dev/null 2>&1; then continue; fi
        set -- "$@" "$one"
    done
    while [ "$#" -gt 0 ] && ! said=$(rpm -e --test "$@" 2>&1); do
        kept=""
        count=$#
        while [ "$count" -gt 0 ]; do
            one=$1
            shift
            count=$((count - 1))
            if [ -z "$kept" ] && ! rpm -e --test "$one" >/dev/null 2>&1; then kept=$one; else set -- "$@" "$one"; fi
        done
        [ -n "$kept" ] || { printf "%s\n" "$said" >&2; exit 1; }
        echo "stays, because something else depends on it: $kept"
    done
    [ "$#" -gt 0 ] || exit 0
    dnf remove -y "$@"
    ;;
*) exit 1 ;;
esac
