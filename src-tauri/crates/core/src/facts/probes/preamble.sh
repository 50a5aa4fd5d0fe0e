# Every part of a reply is "NAME STATUS LENGTH", that many bytes, a newline; the reply ends with "end".
part() { printf '%s %s %s\n%s\n' "$1" "$2" "${#3}" "$3"; }
run() { part=$1; shift; text=$("$@" 2>/dev/null); part "$part" "$?" "$text"; }
file() {
  if [ ! -e "$2" ]; then part "$1" 127 ''; else text=$(head -c 262145 -- "$2" 2>&1); part "$1" "$?" "$text"; fi
}
line() { # a file of /proc with one short line: the shell reads it, which costs no process
  text=
  if [ -r "$2" ]; then IFS= read -r text <"$2"; part "$1" 0 "$text"; else part "$1" 127 ''; fi
}
program() {
  found=
  ifs=$IFS; IFS=:
  for directory in $PATH; do
    if [ -f "$directory/$1" ] && [ -x "$directory/$1" ]; then found=$directory/$1; break; fi
  done
  IFS=$ifs
  [ -n "$found" ]
}
