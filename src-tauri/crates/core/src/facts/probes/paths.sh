# Arguments: how many paths are watched; each as WISH=PATH, the wish being "-" (no content wanted), "any" or the
# digest that needs no content; then the directories above them. Reply: words, each ended by NUL; the last is "end".
count=$1
shift
newline='
'
words() { printf '%s\0' "$@"; }

# One process looks at everything; its complaints are a line per path, in the order of the paths.
look() {
  number=0
  for word; do
    shift
    number=$((number + 1))
    if [ "$number" -le "$count" ]; then word=${word#*=}; fi
    set -- "$@" "$word"
  done
  complaints=$(stat --printf='%n\0%f\0%u\0%U\0%g\0%G\0%s\0' -- "$@" 2>&1 >&3)
  words complaints "$complaints"
}

# One process reads every regular file: a line each, in their order, if all could be read; else one by one.
read_files() {
  number=0
  for word; do
    shift
    number=$((number + 1))
    path=${word#*=}
    if [ "$number" -gt "$count" ]; then continue; fi
    if [ -L "$path" ]; then
      target=$(readlink -n -- "$path" && echo end)
      words link "$path" "${target%end}"
    elif [ -f "$path" ]; then
      set -- "$@" "$word"
    fi
  done
  if [ "$#" -eq 0 ]; then return; fi
  lines=$(for word; do shift; set -- "$@" "${word#*=}"; done; sha256sum -- "$@" 2>/dev/null)
  all=$?
  for word; do
    path=${word#*=}
    if [ "$all" -eq 0 ]; then
      digest=${lines%%"$newline"*}
      lines=${lines#*"$newline"}
    else
      digest=$(sha256sum <"$path" 2>/dev/null)
    fi
    digest=${digest#\\}
    digest=${digest%% *}
    words file "$path" "$digest"
    wish=${word%%=*}
    if [ "$wish" = - ] || [ "$wish" = "$digest" ] || [ -z "$digest" ]; then continue; fi
    if [ "$(wc -c <"$path")" -le 262144 ]; then words content "$(base64 -w 0 <"$path")"; fi
  done
}

exec 3>&1
if [ "$#" -gt 0 ]; then
  look "$@"
  read_files "$@"
fi
words end
