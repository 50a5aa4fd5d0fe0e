# Runs one command and lets its output through; ends it when standard input ends.
# Given to `sh -c` with the nonce as $1 and the command after it. For its quoting see loop.sh.
nonce=$1
shift
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset CDPATH ENV BASH_ENV
umask 077
cd / || exit 70
[ "$(id -u)" = 0 ] || exit 77
printf "\nREADY %s\n" "$nonce"
# A shell gives its background work /dev/null to read; the watcher needs the channel.
exec 3<&0
# setsid: so that the command and its children are ended together.
setsid -- "$@" < /dev/null 3<&- &
child=$!
{
  while read -r _; do :; done
  kill -TERM "-$child"
  sleep 2
  kill -KILL "-$child"
} <&3 > /dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$child"
status=$?
kill "$watcher" 2> /dev/null
exit "$status"
