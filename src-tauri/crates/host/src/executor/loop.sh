# The privileged loop: runs framed requests from standard input one after the other.
#
# Given to `sh -c` with the nonce as $1. It has no single quote, no double
# backslash and no external program beyond coreutils, so that every login shell
# (sh, bash, dash, zsh, fish) hands it on unchanged inside single quotes.
#
# Request:  B ID COUNT STOP
#           per command: SECONDS STDIN-BYTES OUTPUT-LIMIT SCRIPT
#           and, if STDIN-BYTES is not 0, that many raw bytes and a line "."
#           With a + before STDIN-BYTES the command reads them as they come.
#           before a command, for a text that SCRIPT calls $tNUMBER:
#           = NUMBER BYTES
#           and then that many raw bytes and a line "."
# Reply:    P NONCE ID INDEX STATUS      after each command
#           R NONCE ID COUNT             then per command
#           STATUS STDOUT-SENT STDOUT-SIZE STDERR-SENT STDERR-SIZE
#           and then all the bytes in that order.
#
# A request is run command by command as it arrives; a link that dies in the
# middle of one ends the loop before the next command.
nonce=$1
# In SCRIPT a newline inside a quoted word is written as $n.
n="
"
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset CDPATH ENV BASH_ENV
umask 077
cd / || exit 70
[ "$(id -u)" = 0 ] || exit 77
d=$(mktemp -d /run/slipway.XXXXXX) || exit 71
# shellcheck disable=SC2064 # the folder is known now
trap "rm -rf $d" EXIT
# Without this, dash would leave the folder behind when it dies of a signal.
trap "exit 75" HUP INT TERM PIPE
mkdir "$d/out" || exit 71
printf "\nREADY %s\n" "$nonce"
while IFS=" " read -r word id count stop; do
  [ "$word" = B ] || exit 72
  index=0
  failed=0
  spoke=0
  states=
  # The positional parameters collect the files that hold output.
  set --
  while [ "$index" -lt "$count" ]; do
    IFS=" " read -r seconds size limit script || exit 73
    while [ "$seconds" = = ]; do
      # A full stop keeps the newlines at the end.
      text=$(head -c "$limit"; printf .)
      IFS= read -r mark && [ "$mark" = . ] || exit 74
      eval "t$size=\${text%.}"
      IFS=" " read -r seconds size limit script || exit 73
    done
    input=/dev/null
    arriving=0
    case $size in
    +*)
      size=${size#+}
      # What is skipped must be read all the same.
      [ "$failed" = 1 ] || arriving=1
      ;;
    esac
    if [ "$size" -gt 0 ] && [ "$arriving" = 0 ]; then
      input=$d/$id.$index.i
      head -c "$size" > "$input" || exit 74
      # The end mark proves that all of the input came.
      IFS= read -r mark && [ "$mark" = . ] || exit 74
    fi
    if [ "$failed" = 1 ]; then
      states="$states S:$limit"
    else
      read -r begin _ < /proc/uptime
      output=$d/$id.$index
      if [ "$arriving" = 1 ]; then
        # All of it is read, whatever becomes of the command: the next line must be the mark.
        head -c "$size" | (
          eval "timeout -k 2 $seconds $script"
          status=$?
          cat > /dev/null
          exit "$status"
        ) > "$output.o" 2> "$output.e"
        status=$?
        IFS= read -r mark && [ "$mark" = . ] || exit 74
      else
        {
          eval "timeout -k 2 $seconds $script"
        } < "$input" > "$output.o" 2> "$output.e"
        status=$?
      fi
      # timeout says 124, or 137 after the KILL; a command may say so itself, but not at that very time.
      if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        read -r end _ < /proc/uptime
        [ "$((${end%.*} - ${begin%.*}))" -lt "${seconds%.*}" ] || status=T
      fi
      set -- "$@" "$output.o" "$output.e"
      if [ -s "$output.o" ] || [ -s "$output.e" ]; then spoke=1; fi
      states="$states $status:$limit"
      [ "$status" = 0 ] || [ "$stop" = 0 ] || failed=1
      printf "P %s %s %s %s\n" "$nonce" "$id" "$index" "$status" || exit 75
    fi
    # Frees what the command read, which may be a secret, at once; rm follows at the end.
    [ "$input" = /dev/null ] || : > "$input"
    index=$((index + 1))
  done
  # A process left in the background may still write to its output: what is sent is a copy nobody else holds.
  if [ "$spoke" = 1 ]; then
    cp "$@" "$d/out" || exit 76
    for file do
      shift
      set -- "$@" "$d/out/${file##*/}"
    done
    # shellcheck disable=SC2046 # numbers, split on purpose
    sizes=$(stat -c %s "$@") || exit 76
  else
    # Nobody said anything, which is the rule for work that succeeds: no program is needed to say so.
    set --
  fi
  head=
  for state in $states; do
    status=${state%:*}
    limit=${state#*:}
    if [ "$status" = S ]; then
      head="$head${n}S 0 0 0 0"
      continue
    fi
    if [ "$spoke" = 0 ]; then
      head="$head$n$status 0 0 0 0"
      continue
    fi
    out=${sizes%%"$n"*}
    sizes=${sizes#*"$n"}
    err=${sizes%%"$n"*}
    sizes=${sizes#*"$n"}
    sent=$out
    if [ "$out" -gt "$limit" ]; then
      sent=$limit
      head -c "$limit" "$1" > "$1.cut" || exit 76
      set -- "$@" "$1.cut"
    else
      set -- "$@" "$1"
    fi
    shift
    kept=$err
    if [ "$err" -gt 65536 ]; then
      kept=65536
      head -c 65536 "$1" > "$1.cut" || exit 76
      set -- "$@" "$1.cut"
    else
      set -- "$@" "$1"
    fi
    shift
    head="$head$n$status $sent $out $kept $err"
  done
  printf "R %s %s %s%s\n" "$nonce" "$id" "$count" "$head" || exit 75
  [ "$#" = 0 ] || cat "$@" || exit 75
  rm -f "$d/$id".* "$d/out/$id".*
done
